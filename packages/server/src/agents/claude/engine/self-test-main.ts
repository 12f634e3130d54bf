/** The self-test as a program: options as JSON on stdin, what it found as JSON on stdout. */
import { text } from 'node:stream/consumers'
import { type SelfTestOptions, testClaude } from './self-test.ts'

const options = JSON.parse(await text(process.stdin)) as SelfTestOptions
process.stdout.write(JSON.stringify(await testClaude(options)))
