/** Answers one request: reads it as JSON from stdin, writes the answer as one line of JSON to stdout. */
import { readFileSync, writeSync } from 'node:fs'
import { type Answer, failureText, Refusal } from './answer.ts'

export async function main(tool: string): Promise<void> {
  // An atomic write is finished, or not begun; what hangs is killed after the grace.
  process.on('SIGTERM', () => {})
  const request = JSON.parse(readFileSync(0, 'utf8'))
  const { run } = (await import(`${import.meta.dirname}/${tool}.mjs`)) as {
    run(request: unknown): Answer | Promise<Answer>
  }
  let answer: Answer
  try {
    answer = await run(request)
  } catch (error) {
    if (!isExpected(error)) throw error
    const text = error instanceof Refusal ? error.message : failureText(error, request.path ?? request.url)
    answer = { ok: false, text }
  }
  print(`${JSON.stringify(answer)}\n`)
  // A socket that is still open must not delay the answer.
  process.exit(0)
}

/** Codes of Node itself begin with ERR_: they are faults of ours. */
function isExpected(error: unknown): boolean {
  return error instanceof Refusal || /^E(?!RR_)/.test(String((error as NodeJS.ErrnoException | null)?.code))
}

function print(text: string): void {
  let bytes = Buffer.from(text)
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      // The pipe is full: wait a moment for its reader.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}
