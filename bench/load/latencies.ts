/** Latencies in buckets that grow by 4.4 %: as many as one likes cost no memory and hardly any time. */
const perDoubling = 16
const buckets = 40 * perDoubling

export class Latencies {
  private readonly counts = new Uint32Array(buckets)
  private total = 0

  /** Microseconds. */
  record(micros: number): void {
    const bucket = micros <= 1 ? 0 : Math.floor(Math.log2(micros) * perDoubling)
    const at = Math.min(bucket, buckets - 1)
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.total += 1
  }

  clear(): void {
    this.counts.fill(0)
    this.total = 0
  }

  /** Milliseconds; NaN when nothing was recorded. */
  quantile(share: number): number {
    let left = Math.ceil(this.total * share)
    if (left === 0) return Number.NaN
    for (let bucket = 0; bucket < buckets; bucket++) {
      left -= this.counts[bucket] ?? 0
      if (left <= 0) return 2 ** ((bucket + 0.5) / perDoubling) / 1000
    }
    return Number.NaN
  }
}
