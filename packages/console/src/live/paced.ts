/** Calls that are asked for often: at once, then at most one in `intervalMs`, and never two at a time. The last is never lost. */
export function paced(work: () => Promise<void>, intervalMs: number, signal: AbortSignal): () => void {
  let isWorking = false
  let isAsked = false
  const begin = async (): Promise<void> => {
    isWorking = true
    while (isAsked && !signal.aborted) {
      isAsked = false
      await work().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, intervalMs))
    }
    isWorking = false
  }
  return () => {
    isAsked = true
    if (!isWorking) void begin()
  }
}
