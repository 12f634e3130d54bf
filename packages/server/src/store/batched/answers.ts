/** Which reader of a backend answers which read. A backend whose reads take a while answers with promises. */
import type { RunKind } from '@millrace/protocol'
import type { CredentialKind } from '#store/credentials'
import type { ReadName, Reads } from './backend.ts'

type Answer<Name extends ReadName> = Reads[Name]['answer'] | Promise<Reads[Name]['answer']>

export type Answers = { [Name in ReadName]: (ask: Reads[Name]['ask']) => Answer<Name> }

export interface Readers {
  runs: {
    run(id: string): Answer<'run'>
    active(): Answer<'active'>
    silent(before: number): Answer<'silent'>
    list(query: Reads['list']['ask']): Answer<'list'>
    counts(kind: RunKind): Answer<'counts'>
    ownerBytes(owner: string): Answer<'ownerBytes'>
    largestOwners(limit: number): Answer<'largestOwners'>
  }
  sessions: {
    openApprovals(run: string): Answer<'approvals'>
    approval(run: string, id: string): Answer<'approval'>
    approvalOfCall(run: string, call: string): Answer<'approvalOfCall'>
    waitingApprovals(ask: Reads['waitingApprovals']['ask']): Answer<'waitingApprovals'>
    messages(run: string): Answer<'messages'>
    message(run: string, id: string): Answer<'message'>
    attachments(run: string, id: string): Answer<'attachments'>
    transcript(run: string): Answer<'transcript'>
  }
  credentials: {
    find(hash: string): Answer<'credential'>
    findLive(hash: string, at: number): Answer<'liveCredential'>
    list(kind: CredentialKind): Answer<'credentials'>
    dead(ids: readonly string[], at: number): Answer<'deadCredentials'>
  }
  expendable: Answers['expendable']
  bounds(id: string): Answer<'bounds'>
  page: Answers['page']
}

export function answersFrom({ runs, sessions, credentials, expendable, bounds, page }: Readers): Answers {
  return {
    run: ({ id }) => runs.run(id),
    list: (query) => runs.list(query),
    active: () => runs.active(),
    silent: ({ before }) => runs.silent(before),
    counts: ({ kind }) => runs.counts(kind),
    expendable,
    ownerBytes: ({ owner }) => runs.ownerBytes(owner),
    largestOwners: ({ limit }) => runs.largestOwners(limit),
    bounds: ({ id }) => bounds(id),
    page,
    approvals: ({ run }) => sessions.openApprovals(run),
    approval: ({ run, id }) => sessions.approval(run, id),
    approvalOfCall: ({ run, call }) => sessions.approvalOfCall(run, call),
    waitingApprovals: (ask) => sessions.waitingApprovals(ask),
    messages: ({ run }) => sessions.messages(run),
    message: ({ run, id }) => sessions.message(run, id),
    attachments: ({ run, id }) => sessions.attachments(run, id),
    transcript: ({ run }) => sessions.transcript(run),
    credential: ({ hash }) => credentials.find(hash),
    liveCredential: ({ hash, at }) => credentials.findLive(hash, at),
    credentials: ({ kind }) => credentials.list(kind),
    deadCredentials: ({ ids, at }) => credentials.dead(ids, at),
  }
}
