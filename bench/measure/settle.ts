/**
 * Loaded into every Node server whose memory is measured (`node --expose-gc --import`): on SIGUSR2 it
 * collects all garbage, so that two readings of resident memory differ by what is alive.
 */
const collect = globalThis.gc
process.on('SIGUSR2', () => {
  collect?.()
  collect?.()
})
