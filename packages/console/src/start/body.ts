/** The request that a filled form stands for. */
import type { StartRunBody } from '@millrace/protocol'
import type { StartKind } from './start-store.ts'

export function bodyOf(kind: StartKind, project: string, form: FormData): StartRunBody {
  const text = (name: string): string | undefined => {
    const value = form.get(name)
    return typeof value === 'string' && value.trim() !== '' ? value : undefined
  }
  const approvals = text('approvals') as 'on' | 'off' | undefined
  const agent = defined({ model: text('model')?.trim(), approvals })
  switch (kind) {
    case 'job': {
      const args = argsOf(form)
      const tool = text('tool') ?? ''
      return Object.keys(args).length > 0 ? { kind, project, tool, args } : { kind, project, tool }
    }
    case 'session':
      return {
        kind,
        project,
        prompt: text('text') ?? '',
        ...agent,
        ...defined({
          cwd: text('cwd')?.trim(),
          agent: text('agent'),
          questions: text('questions') as 'on' | 'off' | undefined,
          worktree: worktreeOf(text('place'), text('branch')?.trim()),
        }),
      }
    case 'execution': {
      const usd = text('usd')
      const limits = usd === undefined ? undefined : { usd: Number(usd) }
      return {
        kind,
        project,
        task: text('text') ?? '',
        ...agent,
        ...defined({ context: text('context'), limits }),
      }
    }
    default:
      return kind satisfies never
  }
}

/** A new worktree, or that of a branch. */
export function worktreeOf(place: string | undefined, branch: string | undefined): true | string | undefined {
  return place === 'worktree' ? (branch ?? true) : undefined
}

/** Arguments that were left empty are not given. */
function argsOf(form: FormData): Record<string, string> {
  const args: Record<string, string> = {}
  for (const [name, value] of form) {
    if (name.startsWith('arg:') && typeof value === 'string' && value !== '') args[name.slice(4)] = value
  }
  return args
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}
