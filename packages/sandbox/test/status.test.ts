import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { BoundaryStatus } from '#bubblewrap/status'

it('a report that is read after bubblewrap’s end was heard of still counts', async () => {
  const pipe = new PassThrough()
  const status = new BoundaryStatus(new EventEmitter(), pipe)
  pipe.write('{ "child-pid": 42 }\n')
  expect(await status.began).toBe(42)
  const exit = status.exitOf(3, null, false)
  pipe.end('{ "exit-code": 3 }\n')
  expect(await exit).toEqual({ code: 3, signal: null })
})

it('without such a report the program never began', async () => {
  const pipe = new PassThrough()
  const status = new BoundaryStatus(new EventEmitter(), pipe)
  pipe.end('{ "child-pid": 42 }\n')
  expect(await status.exitOf(1, null, false)).toEqual({ code: 1, signal: null, neverBegan: true })
})
