/** What a caller may say to the agent of a run at work (docs/protocol.md#messages). */
import {
  messageResponse,
  messagesResponse,
  sendMessageBody,
  sentMessageResponse,
} from '@millrace/protocol/schemas'
import { z } from 'zod'
import { type FaceApp, principalOf } from '#http/face'
import type { Runs } from '#runs/runs'
import { idempotencyHeaders, runParams } from './run-route.ts'

export interface MessageParts {
  runs: Pick<Runs, 'messages'>
}

const messageParams = runParams.extend({ messageId: z.string().max(255) })

/** A message with the longest text and 4 MiB of attachments, in base64. */
const messageBytesMax = 8 * 1024 ** 2

export function messageRoutes(app: FaceApp, { runs }: MessageParts): void {
  sendRoute(app, runs)
  listRoutes(app, runs)
}

function sendRoute(app: FaceApp, { messages }: MessageParts['runs']): void {
  app.post(
    '/api/runs/:id/messages',
    {
      bodyLimit: Math.max(app.initialConfig.bodyLimit ?? 0, messageBytesMax),
      config: {
        refuses: ['run_over', 'not_listening', 'too_many_messages', 'quota_exceeded', 'idempotency_mismatch'],
      },
      schema: {
        tags: ['messages'],
        summary: 'Say something to the agent of an open session or execution',
        description:
          '`queue` (the default): it starts a turn of its own, after the running one. `steer`: it joins the running ' +
          'turn before the model is asked again. `interrupt`: the running turn is cut, and it starts the next one. ' +
          'At most 8 attachments, of 4 MiB together.',
        headers: idempotencyHeaders,
        params: runParams,
        body: sendMessageBody,
        response: { 202: sentMessageResponse },
      },
    },
    async (request, reply) => {
      const { id: messageId, accepted } = await messages.sendOnce(
        request.params.id,
        request.body,
        principalOf(request),
        request.headers['idempotency-key'],
      )
      if (!accepted) reply.header('Idempotent-Replayed', 'true')
      return reply.code(202).send({ messageId })
    },
  )
}

function listRoutes(app: FaceApp, { messages }: MessageParts['runs']): void {
  app.get(
    '/api/runs/:id/messages',
    {
      schema: {
        tags: ['messages'],
        summary: 'Messages that are not delivered, oldest first',
        params: runParams,
        response: { 200: messagesResponse },
      },
    },
    async (request) => ({ messages: await messages.list(request.params.id, principalOf(request)) }),
  )

  app.get(
    '/api/runs/:id/messages/:messageId',
    {
      schema: {
        tags: ['messages'],
        summary: 'One message',
        params: messageParams,
        response: { 200: messageResponse },
      },
    },
    async (request) => {
      const { id, messageId } = request.params
      return { message: await messages.get(id, messageId, principalOf(request)) }
    },
  )

  app.delete(
    '/api/runs/:id/messages/:messageId',
    {
      config: { refuses: ['message_taken', 'run_over'] },
      schema: {
        tags: ['messages'],
        summary: 'Take back a message that the agent has not taken',
        params: messageParams,
        response: { 200: messageResponse },
      },
    },
    async (request) => {
      const { id, messageId } = request.params
      return { message: await messages.withdraw(id, messageId, principalOf(request)) }
    },
  )
}
