/** The orders of the benchmark to the load client, and its reports. */
export type LoadOrder =
  | {
      do: 'connect'
      port: number
      request: string
      count: number
      /** Connections that wait for their answer at once. */
      concurrency: number
      strict: boolean
      after: number | null
    }
  /** Answered when every follower, all of them strict, has seen this number. */
  | { do: 'await'; number: number; timeoutMs: number }
  /** Begins a window of measurement. */
  | { do: 'mark' }
  | { do: 'window' }
  | { do: 'close' }

export interface Connected {
  ms: number
  open: number
  refused: number
}

export interface Reached {
  /** From the `connect` order to the last event that came. */
  ms: number
  /** Followers that have seen the number. */
  followers: number
  /** Events that some follower missed, and that some follower was sent again. */
  lost: number
  repeated: number
}

export interface Window {
  seconds: number
  events: number
  bytes: number
  p50: number
  p99: number
  /** How far the followers that saw least and most have come. */
  slowest: number
  fastest: number
  open: number
}
