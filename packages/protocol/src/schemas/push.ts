/** Schemas of `/api/push`. */
import { z } from 'zod'

const endpoint = z.string().max(2000)

/** What `PushSubscription.toJSON()` says in a browser; other fields of it are ignored. */
export const pushBody = z.object({
  endpoint,
  keys: z.object({
    p256dh: z.string().regex(/^[\w-]{86,88}=*$/, { error: 'a public key of 65 bytes in base64url' }),
    auth: z.string().regex(/^[\w-]{22,24}=*$/, { error: '16 bytes in base64url' }),
  }),
})

export const pushRemoveBody = z.object({ endpoint })

export const pushResponse = z.object({ publicKey: z.string() })
