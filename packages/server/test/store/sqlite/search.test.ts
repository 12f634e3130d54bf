/** A search looks through texts in memory: it must find what the tables have, and nothing else. */
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { migrate } from '#store/sqlite/migrations'
import { createRunReader } from '#store/sqlite/reader/run-reader'

function database() {
  const db = new DatabaseSync(':memory:')
  onTestFinished(() => db.close())
  migrate(db)
  const insert = db.prepare(`INSERT INTO runs (id, kind, project, owner, attempt, created_at)
    VALUES (?, ?, ?, ?, 0, 1)`)
  const insertText = db.prepare('INSERT INTO search VALUES (?, ?)')
  const insertDetails = db.prepare(`INSERT INTO details (run, spec) VALUES (?, '{}')`)
  let last = 0
  const add = (text: string, { kind = 'job', project = 'web', owner = 'ada' } = {}) => {
    last += 1
    insert.run(`run-${last}`, kind, project, owner)
    insertText.run(last, text)
    insertDetails.run(last)
    return `run-${last}`
  }
  const remove = (id: string) => {
    db.prepare('DELETE FROM search WHERE run = (SELECT n FROM runs WHERE id = ?)').run(id)
    db.prepare('DELETE FROM runs WHERE id = ?').run(id)
  }
  const runs = createRunReader(db)
  const none = { owner: undefined, kind: undefined, state: undefined, outcome: undefined, project: undefined }
  /** All pages of a search. */
  const search = (term: string, given: object = {}, limit = 7) => {
    const ids: string[] = []
    for (let before: number | undefined; ; ) {
      const page = runs.list({ ...none, ...given, term, limit, before })
      ids.push(...page.rows.map(({ id }) => id))
      if (page.nextBefore === null) return ids
      before = page.nextBefore
    }
  }
  return { db, add, remove, search }
}

test('a search finds every run once, newest first, whenever runs are added and deleted in between', () => {
  const { add, remove, search } = database()
  const expected: string[] = []
  for (let round = 0; round < 4; round += 1) {
    for (let n = 0; n < 700; n += 1) {
      const id = add(n % 50 === 0 ? `größe 🎉 ${round}` : `other ${n}`)
      if (n % 50 === 0) expected.unshift(id)
    }
    expect(search('größe')).toEqual(expected)
    expect(search('🎉 0')).toHaveLength(14 - round)
    const gone = expected.pop()
    if (gone !== undefined) remove(gone)
    expect(search('größe', {}, 1000)).toEqual(expected)
  }
  expect(search('nothing has this')).toEqual([])
})

test('a search neither joins two texts nor looks beyond the filters', () => {
  const { add, search } = database()
  add('left', { owner: 'bob' })
  add('right', { kind: 'session' })
  const nul = add('with\0nul')
  const ours = add('left right', { project: 'api' })
  expect(search('left\0right')).toEqual([])
  expect(search('with\0nul')).toEqual([nul])
  expect(search('left')).toEqual([ours, 'run-1'])
  expect(search('left', { owner: 'ada' })).toEqual([ours])
  expect(search('right', { kind: 'session' })).toEqual(['run-2'])
  expect(search('right', { project: 'api' })).toEqual([ours])
  expect(search('right', { state: 'queued' })).toEqual([ours, 'run-2'])
})
