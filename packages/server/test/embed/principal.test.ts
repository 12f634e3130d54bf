import { expect, it } from 'vitest'
import { checkedPrincipal } from '#embed/runs'

const missing: Record<string, string | undefined> = {}

it('a missing header that became text is no user, but a fault that is seen at once', () => {
  for (const user of [`${missing['x-user']}`, String(null), String({}), String(Number('x'))]) {
    expect(() => checkedPrincipal({ user }), user).toThrow('return null where nobody is logged in')
    expect(() => checkedPrincipal(user), user).toThrow('missing value')
  }
  expect(checkedPrincipal('anna')).toEqual({ user: 'anna', admin: false })
  expect(checkedPrincipal(null)).toBeNull()
})
