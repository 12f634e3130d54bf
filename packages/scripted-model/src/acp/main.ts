/** A scripted stand-in for an agent that speaks the Agent Client Protocol on its standard input and output. */
import { Readable, Writable } from 'node:stream'
import * as acp from '@agentclientprotocol/sdk'
import { scriptedAgent } from './agent.ts'
import { readTraits } from './traits.ts'

const traits = readTraits(process.argv.slice(2))
if (traits.has('silent')) setInterval(() => {}, 60_000)
else if (traits.has('exits')) {
  process.stderr.write('the licence has expired\n')
  process.exitCode = 3
} else {
  const output = Writable.toWeb(process.stdout) as WritableStream<Uint8Array>
  const input = Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>
  scriptedAgent(traits).connect(acp.ndJsonStream(output, input))
}
