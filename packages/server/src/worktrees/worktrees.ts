/**
 * The worktrees of projects: made for sessions, shared by them one at a time, and merged, kept or discarded by people.
 *
 *     session ─▶ hold() ─▶ tree ─▶ checkpoint() after each turn ─▶ release()
 *     person  ─▶ merge() into the branch of the project │ keep() │ discard()
 *     upkeep  ─▶ recover() at the start, sweep() with retention
 *
 * Owns: the registry, the trees it names, and which runs hold them. Invariants: a tree that a run holds is neither merged
 * nor removed; changes to the worktrees of one project follow each other; unmerged work is removed only on request, or by
 * a rule of the configuration, and then the log has its commit.
 */
import { existsSync } from 'node:fs'
import { MillraceError, type RunWorktree, type Worktree } from '@millrace/protocol'
import { ProjectOwner, type Sandbox } from '@millrace/sandbox'
import type { Logger } from 'pino'
import { maySee, type Principal } from '#auth/principal'
import { GitFailure, HostGit } from './host-git.ts'
import { InsideGit } from './inside-git.ts'
import { mergeWorktree, notMergeable } from './merging.ts'
import type { WorktreePlaces } from './places.ts'
import { WorktreeQuota, type WorktreeQuotaParts } from './quota.ts'
import { Readings } from './readings.ts'
import type { Registry, WorktreeRecord } from './registry.ts'
import {
  checkBranchName,
  commitOf,
  newBranch,
  type Project,
  refused,
  repositoryOf,
  wordsIn,
} from './repository.ts'
import * as work from './tree-work.ts'
import { type HoldRequest, Trees } from './trees.ts'

export interface WorktreesParts {
  registry: Registry
  places: WorktreePlaces
  projects: ReadonlyMap<string, Project>
  sandbox: Pick<Sandbox, 'spawn'>
  limits: WorktreeQuotaParts['limits']
  /** The run that began in the place and is not over, or null. No branch means the project itself. */
  takenBy(place: { project: string; branch: string | null }): Promise<string | null>
  now: () => number
  log: Pick<Logger, 'info' | 'warn'>
}

/** A tree that a run works in, until it is released. */
export interface HeldWorktree extends RunWorktree {
  /** Where the run works. */
  path: string
  /** Keeps the files as they are, and returns the commit. */
  checkpoint(): Promise<string>
  release(): void
}

export interface MergeRequest {
  /** Of the commit with what was not committed, and of the merge. */
  message?: string | undefined
  /** Leaves the worktree and its branch. */
  keep?: boolean | undefined
}

/** How long worktrees stay that nobody uses. */
export interface SweepRule {
  days: number
  /** Those with unmerged work. Undefined: for ever. */
  unmergedDays?: number | undefined
}

export class Worktrees {
  readonly #parts: WorktreesParts
  readonly #inside: InsideGit
  readonly #trees: Trees
  readonly #quota: WorktreeQuota
  /** By worktree. */
  readonly #holders = new Map<string, string>()
  /** The last change to the worktrees of a project. */
  readonly #turns = new Map<string, Promise<unknown>>()
  /** The last merge into a project. */
  readonly #merges = new Map<string, Promise<unknown>>()
  readonly #readings = new Readings(readingsAtOnceMax)

  constructor(parts: WorktreesParts) {
    this.#parts = parts
    this.#inside = new InsideGit(parts.sandbox)
    this.#quota = new WorktreeQuota(parts)
    this.#trees = new Trees({ ...parts, inside: this.#inside, quota: this.#quota })
  }

  /**
   * Returns the branch of the worktree that a session asks for. Throws `invalid_request` or `quota_exceeded` where it cannot
   * have one, as far as that is known before it starts.
   */
  async branchFor(project: Project, asked: true | string, owner: string): Promise<string> {
    const git = this.#gitOf(project)
    await repositoryOf(git, project)
    const known = asked === true ? undefined : this.#parts.registry.at(project.id, asked)
    this.#quota.check(owner, { isNew: known === undefined })
    if (asked === true) return newBranch()
    await checkBranchName(git, project.path, asked)
    this.#refuseForeign(known, owner)
    await this.#trees.refuseTaken(git, project, asked)
    return asked
  }

  /** Gives a run its worktree, which is made if there is none. Throws with words for a person. */
  hold(request: HoldRequest): Promise<HeldWorktree> {
    const { runId, attempt, owner, project, branch } = request
    return this.#inTurn(project.id, async () => {
      const known = this.#parts.registry.at(project.id, branch)
      this.#refuseForeign(known, owner)
      if (known !== undefined && this.#holders.has(known.id)) throw atWork()
      const old = known?.ready === true && existsSync(known.path) ? known : null
      if (known !== undefined && old === null) await this.#trees.remove(known, project, 'keep its branch')
      const record = old ?? (await this.#trees.make(request))
      this.#holders.set(record.id, runId)
      try {
        const checkpoint = (name: string) =>
          work.checkpoint(this.#inside, { runId, directory: record.path }, `${runId}/${attempt}-${name}`)
        const commit =
          old === null && request.from === undefined
            ? await this.#gitOf(project).text(record.tree, ['rev-parse', 'HEAD'])
            : await checkpoint('0')
        this.#touch(record)
        let count = 0
        return {
          id: record.id,
          branch,
          path: record.path,
          commit,
          checkpoint: () => {
            count += 1
            return checkpoint(String(count))
          },
          release: () => {
            this.#holders.delete(record.id)
            const left = this.#parts.registry.get(record.id)
            if (left !== undefined) this.#touch(left)
            void this.#quota.measure(record.id)
          },
        }
      } catch (error) {
        this.#holders.delete(record.id)
        throw error
      }
    }).catch((error) => {
      throw readable(error)
    })
  }

  async list(principal: Principal, project?: string): Promise<Worktree[]> {
    const records = this.#parts.registry
      .all()
      .filter((one) => maySee(principal, one.owner) && (project === undefined || one.project === project))
    const found: Worktree[] = []
    for (const record of records) found.push(await this.#describe(record))
    return found
  }

  async get(id: string, principal: Principal): Promise<Worktree> {
    return this.#describe(this.#visible(id, principal))
  }

  /** What a worktree has that its base has not. */
  async changes(id: string, principal: Principal) {
    const record = this.#visible(id, principal)
    const place = { runId: record.id, directory: record.path }
    return this.#readings
      .share(`changes ${id}`, async () => {
        const now = await work.checkpoint(this.#inside, place, null)
        return work.changesBetween(this.#inside, place, [record.base, now])
      })
      .catch((error) => {
        throw readable(error)
      })
  }

  /**
   * What a run changed, from the commit it began with to another one, or to the files as they are. Null where that is
   * no longer known.
   */
  async changesOfRun(
    run: { id: string; project: string | null },
    from: string,
    to: string | null,
    branch: string,
  ) {
    const record = this.#parts.registry.at(run.project ?? '', branch)
    const project = this.#parts.projects.get(run.project ?? '')
    const directory = record !== undefined && existsSync(record.path) ? record.path : project?.path
    if (directory === undefined || (to === null && directory !== record?.path)) return null
    const place = { runId: run.id, directory }
    return this.#readings
      .share(`run ${run.id} ${from} ${to}`, async () => {
        const end = to ?? (await work.checkpoint(this.#inside, place, null))
        return work.changesBetween(this.#inside, place, [from, end])
      })
      .catch((error) => {
        if (error instanceof GitFailure) return null
        throw error
      })
  }

  /** Are the files of this commit still there, for a fork? */
  async hasCommit(project: string, commit: string): Promise<boolean> {
    const found = this.#parts.projects.get(project)
    return found !== undefined && (await commitOf(this.#gitOf(found), found.path, commit)) !== null
  }

  keep(id: string, principal: Principal): Promise<Worktree> {
    const record = { ...this.#visible(id, principal), kept: true }
    this.#parts.registry.put(record)
    return this.#describe(record)
  }

  /**
   * Commits what is not committed and merges the branch into that of the project. Fails with `not_mergeable`, and then the
   * project is as it was; with `run_open` while a session works in the worktree, and with `project_busy` while one works
   * in the project.
   */
  async merge(id: string, principal: Principal, { message, keep = false }: MergeRequest = {}) {
    const project = this.#projectOf(this.#visible(id, principal))
    const merge = this.#inTurn(project.id, async () => {
      const record = await this.#free(id, principal)
      if ((await this.#parts.takenBy({ project: project.id, branch: null })) !== null)
        throw new MillraceError(
          'project_busy',
          'A session is at work in the project: its files must not change under it',
        )
      const { inside, git } = { inside: this.#inside, git: this.#gitOf(project) }
      const merged = await mergeWorktree(record, { project, git, inside, message }).catch((error) => {
        throw error instanceof GitFailure ? notMergeable(record, error.message) : error
      })
      return { ...merged, removed: !keep && (await this.#removeMerged(record, project)) }
    })
    const over = merge.then(() => {}).catch(() => {})
    this.#merges.set(project.id, over)
    return merge
  }

  /**
   * Waits for a merge into the project that has begun, or is about to. A run that has taken the project and waits for this
   * before it works never meets a merge: one that begins later finds the project taken.
   */
  async untilMerged(project: string): Promise<void> {
    await this.#merges.get(project)
  }

  /** False: it stays, though its work is merged. */
  async #removeMerged(record: WorktreeRecord, project: Project): Promise<boolean> {
    try {
      await this.#trees.remove(record, project)
      return true
    } catch (error) {
      this.#parts.log.warn({ worktree: record.tree, err: error }, 'a merged worktree could not be removed')
      return false
    }
  }

  /** Removes a worktree with its work, and the branch that was made for it. */
  async discard(id: string, principal: Principal): Promise<Worktree> {
    const project = this.#projectOf(this.#visible(id, principal))
    const last = await this.get(id, principal)
    await this.#inTurn(project.id, async () =>
      this.#trees.remove(await this.#free(id, principal), project),
    ).catch((error) => {
      throw readable(error)
    })
    return last
  }

  /** Removes what a server that died was making, and forgets the trees that somebody removed. */
  async recover(): Promise<void> {
    const { registry, projects, log } = this.#parts
    for (const record of registry.all()) {
      const project = projects.get(record.project)
      if (project === undefined || (record.ready && existsSync(record.path))) continue
      try {
        await this.#trees.remove(record, project, record.ready ? 'keep its branch' : 'with its branch')
        log.info(
          { worktree: record.tree, branch: record.branch },
          'a worktree that was not finished, or is gone, was cleaned up',
        )
      } catch (error) {
        log.warn({ worktree: record.tree, err: error }, 'a worktree could not be cleaned up')
      }
    }
  }

  /**
   * Removes the worktrees that nobody has used for so many days: those without unmerged work, and those with it where the
   * rule says so.
   */
  async sweep({ days, unmergedDays = Number.POSITIVE_INFINITY }: SweepRule): Promise<void> {
    const { registry, projects, now, log } = this.#parts
    for (const { id } of registry.all()) {
      const before = registry.get(id)
      const project = projects.get(before?.project ?? '')
      if (before === undefined || project === undefined) continue
      await this.#inTurn(project.id, async () => {
        const record = registry.get(id)
        if (record === undefined || record.kept || (await this.#holderOf(record)) !== null) return
        const unusedDays = (now() - record.usedAt) / dayMs
        if (unusedDays < Math.min(days, unmergedDays)) return
        const { head } = await repositoryOf(this.#gitOf(project), project)
        const state = await work.stateOf(this.#inside, { runId: id, directory: record.path }, head)
        const isMerged = state.ahead === 0 && state.uncommitted === 0
        if (unusedDays < (isMerged ? days : unmergedDays)) return
        await this.#trees.remove(record, project)
        const said = { worktree: record.tree, branch: record.branch, commit: state.commit }
        if (isMerged) log.info(said, 'a worktree without unmerged work was removed')
        else
          log.warn(
            { ...said, ...state },
            'a worktree with unmerged work was removed, as worktrees.unmergedDays says',
          )
      }).catch((error) => log.warn({ worktree: before.tree, err: error }, 'a worktree could not be swept'))
    }
  }

  async #describe(record: WorktreeRecord): Promise<Worktree> {
    const { id, project, owner, branch, base, path, createdAt, usedAt, kept } = record
    const place = { runId: id, directory: path }
    const found = this.#parts.projects.get(project)
    const read = async () => {
      if (found === undefined || !record.ready) return null
      const { head } = await repositoryOf(this.#gitOf(found), found)
      return work.stateOf(this.#inside, place, head)
    }
    const state = await this.#readings.share(`state ${id}`, read).catch((error) => {
      this.#parts.log.warn({ worktree: path, err: error }, 'the state of a worktree is unknown')
      return null
    })
    const shown = state && { uncommitted: state.uncommitted, ahead: state.ahead, behind: state.behind }
    const run = await this.#holderOf(record)
    return { id, project, owner, branch, base, path, createdAt, usedAt, kept, run, state: shown }
  }

  #visible(id: string, principal: Principal): WorktreeRecord {
    const record = this.#parts.registry.get(id)
    if (record === undefined || !maySee(principal, record.owner))
      throw new MillraceError('not_found', `No worktree ${id.slice(0, 64)}`)
    return record
  }

  async #free(id: string, principal: Principal): Promise<WorktreeRecord> {
    const record = this.#visible(id, principal)
    if ((await this.#holderOf(record)) !== null) throw atWork()
    return record
  }

  /** The run at work in it, or one that waits for an answer without a process. */
  async #holderOf(record: WorktreeRecord): Promise<string | null> {
    return this.#holders.get(record.id) ?? this.#parts.takenBy(record)
  }

  #refuseForeign(record: WorktreeRecord | undefined, owner: string): void {
    if (record !== undefined && record.owner !== owner)
      throw refused(`another branch: ${record.branch} is that of another user's worktree`)
  }

  #projectOf(record: WorktreeRecord): Project {
    const project = this.#parts.projects.get(record.project)
    if (project === undefined)
      throw new MillraceError('not_found', `The project ${record.project} is no longer in the configuration`)
    return project
  }

  #gitOf(project: Project): HostGit {
    return new HostGit(new ProjectOwner(project.path))
  }

  #touch(record: WorktreeRecord): void {
    this.#parts.registry.put({ ...record, usedAt: this.#parts.now() })
  }

  #inTurn<T>(project: string, act: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(project) ?? Promise.resolve()).then(act)
    this.#turns.set(
      project,
      turn.catch(() => {}),
    )
    return turn
  }
}

const dayMs = 86_400_000
/** Each starts processes in the boundary. */
const readingsAtOnceMax = 4

function atWork(): MillraceError {
  return new MillraceError('run_open', 'A session is at work in the worktree')
}

function readable(error: unknown): unknown {
  return error instanceof GitFailure
    ? new MillraceError('invalid_request', `git refused: ${wordsIn(error)}`, { cause: error })
    : error
}
