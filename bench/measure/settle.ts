/**
 * Loaded into every Node server whose memory is measured (`node --expose-gc --import`): on SIGUSR2 it
 * collects all garbage and gives back the pages that V8 keeps for later, so that two readings of
 * resident memory differ by what is alive.
 */
interface Thorough {
  type: 'major'
  execution: 'sync'
  flavor: 'last-resort'
}

const collect = globalThis.gc as ((how: Thorough) => void) | undefined
process.on('SIGUSR2', () => {
  for (let turn = 0; turn < 2; turn++) collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
})
