/**
 * The load client: a process full of followers, under orders of the benchmark (`orders.ts`).
 *
 * Owns the followers of the last `connect`. One order is carried out at a time.
 */
import { Follower } from './follower.ts'
import { Latencies } from './latencies.ts'
import type { Connected, LoadOrder, Reached, Window } from './orders.ts'

type Connect = Extract<LoadOrder, { do: 'connect' }>

const latencies = new Latencies()
let followers: Follower[] = []
let connectedAt = 0
/** When an event came last. */
let progressAt = 0
let open = 0
let markedAt = 0
let markedEvents = 0
let markedBytes = 0
/** Called when a follower has advanced. */
let progress: (follower: Follower) => void = () => {}

process.on('message', (order: LoadOrder) => {
  void carryOut(order).then((answer) => process.send?.(answer))
})
// The benchmark is gone.
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: true })

async function carryOut(order: LoadOrder): Promise<unknown> {
  switch (order.do) {
    case 'connect':
      return connectAll(order)
    case 'await':
      return reach(order.number, order.timeoutMs)
    case 'mark':
      return mark()
    case 'window':
      return window()
    case 'close':
      return closeAll()
    default:
      return order satisfies never
  }
}

async function connectAll(order: Connect): Promise<Connected> {
  const { count, concurrency, port, request, strict, after } = order
  connectedAt = performance.now()
  followers = []
  open = 0
  let refused = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const next = () => {
    if (followers.length === count) return
    followers.push(
      new Follower({
        port,
        request,
        strict,
        after,
        latencies,
        onOpen: (ok) => {
          if (ok) open += 1
          else refused += 1
          if (open + refused === count) resolve()
          else next()
        },
        onEvents: (follower) => {
          if (strict) progressAt = performance.now()
          progress(follower)
        },
        onClose: (wasOpen) => {
          if (wasOpen) open -= 1
        },
      }),
    )
  }
  for (let at = 0; at < Math.min(concurrency, count); at++) next()
  await promise
  return { ms: performance.now() - connectedAt, open, refused }
}

async function reach(number: number, timeoutMs: number): Promise<Reached> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const waiting = new Set(followers.filter(({ last }) => last < number))
  progress = (follower) => {
    if (follower.last >= number && waiting.delete(follower) && waiting.size === 0) resolve()
  }
  if (waiting.size === 0) resolve()
  const deadline = setTimeout(resolve, timeoutMs)
  await promise
  const ms = progressAt - connectedAt
  clearTimeout(deadline)
  progress = () => {}
  let lost = 0
  let repeated = 0
  for (const follower of followers) {
    lost += follower.lost
    repeated += follower.repeated
  }
  return { ms, followers: followers.length - waiting.size, lost, repeated }
}

function mark(): Record<string, never> {
  latencies.clear()
  markedEvents = 0
  markedBytes = 0
  for (const { last, bytes } of followers) {
    markedEvents += last
    markedBytes += bytes
  }
  markedAt = performance.now()
  return {}
}

function window(): Window {
  const seconds = (performance.now() - markedAt) / 1000
  let events = -markedEvents
  let bytes = -markedBytes
  let slowest = Number.POSITIVE_INFINITY
  let fastest = 0
  for (const follower of followers) {
    events += follower.last
    bytes += follower.bytes
    slowest = Math.min(slowest, follower.last)
    fastest = Math.max(fastest, follower.last)
  }
  const [p50, p99] = [latencies.quantile(0.5), latencies.quantile(0.99)]
  return { seconds, events, bytes, p50, p99, slowest, fastest, open }
}

async function closeAll(): Promise<Record<string, never>> {
  for (const follower of followers) follower.close()
  // Sockets close over the next turns of the event loop.
  while (open > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  return {}
}
