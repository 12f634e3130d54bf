import { afterAll, expect } from 'vitest'

/** Lists the open resources of this process by kind. Timers count only while they would keep the process alive. */
function open(): string[] {
  const ours = new Set(['TCPSocketWrap', 'TCPServerWrap', 'Timeout', 'Immediate', 'Zlib'])
  return process.getActiveResourcesInfo().filter((kind) => ours.has(kind))
}

/** After the tests of the file: no server, connection or timer is left. */
export function expectNothingLeft(): void {
  afterAll(async () => {
    // Handles close in a later turn of the event loop than the calls that closed them.
    for (let turn = 0; turn < 200 && open().length > 0; turn++)
      await new Promise((resolve) => setTimeout(resolve, 5))
    expect(open().filter((kind) => kind !== 'Timeout')).toEqual([])
  })
}
