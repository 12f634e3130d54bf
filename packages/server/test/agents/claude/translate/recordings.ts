/** The recorded sequences: one file for each scenario, one message a line. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Recorded } from './record.ts'
import type { ScenarioName } from './scenarios.ts'

export function recordingOf(name: ScenarioName): Recorded[] {
  const lines = readFileSync(fileOf(name), 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as Recorded)
}

export function keepRecording(name: ScenarioName, said: readonly Recorded[]): void {
  writeFileSync(fileOf(name), said.map((message) => `${JSON.stringify(message)}\n`).join(''))
}

function fileOf(name: ScenarioName): string {
  return join(import.meta.dirname, 'recorded', `${name.replaceAll(' ', '-')}.jsonl`)
}
