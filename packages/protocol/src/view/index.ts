/** `@millrace/protocol/view`: events → what a person sees. Pure, without dependencies, for pages and terminals alike. */
export { type BoundedText, defaultBounds, type ViewBounds, wholeCharacters } from './bounds.ts'
export {
  applyToChanges,
  type Changes,
  changesInLine,
  changesResponse,
  newChanges,
  unchangingTypes,
} from './changes/changes.ts'
export { applyHunks, hunksBetween } from './changes/difference.ts'
export { formatHunks, linesOf, parseHunks } from './changes/hunks.ts'
export { changesInResult } from './changes/sdk-results.ts'
export type { ExecutionView } from './execution.ts'
export type {
  CallItem,
  CallStatus,
  EventItem,
  Item,
  MessageItem,
  NoteItem,
  OpenApproval,
  ShownEdit,
  TextItem,
} from './items.ts'
export type { JobView, Line } from './job.ts'
export { itemAt, itemsOf, type List, lengthOf } from './list.ts'
export { type Nested, nest } from './nest.ts'
export { nameOf, resultText } from './result.ts'
export type { ViewEvent } from './run.ts'
export type { SessionView } from './session.ts'
export { callInFull, callInLine, clip, excerpt } from './tool-call.ts'
export { applyEvent, applyEvents, newView, resetView, type View, type ViewOf } from './view.ts'
export { answeredBy, dollars, endText, type ResultFacts, resultFacts } from './words.ts'
