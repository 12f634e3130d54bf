/** The gate by itself: no SDK, no process. */
import type { Verdict } from '@millrace/policy'
import type { FormSchema, FormValues } from '@millrace/protocol'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import { canUseToolOf, hookOf } from '#agents/claude/engine/permissions'
import { Gate, type GateCall, type GateParts } from '#agents/gate'
import type { ApprovalAnswer } from '#runners/runner'

function open(
  decide: (input: Record<string, unknown>) => Verdict,
  ask: GateParts['ask'] = async () => ({ decision: 'allow', by: 'person' }),
  withdraw: GateParts['withdraw'] = async () => {},
) {
  const denied: unknown[] = []
  const asking: boolean[] = []
  const gate = new Gate({
    policy: { decide: ({ input }) => decide(input) },
    cwd: '/project',
    ask,
    withdraw,
    log: { warn: () => {}, info: () => {} },
  })
  gate.listener = { denied: (event) => denied.push(event), asking: (waits) => asking.push(waits) }
  return { gate, denied, asking }
}

const call = (input: unknown, id = 'call'): GateCall => ({ id, tool: 'Bash', input, cwd: '/project' })
const byCommand = ({ command }: Record<string, unknown>): Verdict =>
  command === 'good' ? { decision: 'allow' } : { decision: 'deny', reason: 'It is not good.' }
const askAlways = (): Verdict => ({ decision: 'ask', reason: 'Odd.' })

describe('the gate', () => {
  it('the gate judges an input again that changed since its verdict', async () => {
    const { gate, denied } = open(byCommand)
    expect(await gate.judge(call({ command: 'good' }))).toEqual({ decision: 'allow' })
    expect(await gate.permit(call({ command: 'bad' }))).toEqual({ allowed: false, reason: 'It is not good.' })
    expect(denied).toHaveLength(1)
    expect(await gate.permit(call({ command: 'good' }))).toEqual({
      allowed: true,
      input: { command: 'good' },
    })
  })

  it('a form goes to people whatever the policy says, and what they fill in becomes the input', async () => {
    const asked: unknown[] = []
    const { gate } = open(byCommand, async (request) => {
      asked.push(request)
      return { decision: 'allow', by: 'person', values: { name: 'Ada' } }
    })
    const schema: FormSchema = { type: 'object', properties: { name: { type: 'string' } } }
    const form = { message: 'Who?', schema, inputWith: (values: FormValues) => ({ question: 1, ...values }) }
    const question = { ...call({ question: 1 }), form }
    expect(await gate.judge(question)).toEqual({ decision: 'ask', reason: 'Who?' })
    expect(await gate.permit(question)).toEqual({ allowed: true, input: { question: 1, name: 'Ada' } })
    expect(asked).toEqual([
      {
        toolUseId: 'call',
        tool: 'Bash',
        input: { question: 1 },
        reason: 'Who?',
        form: { message: 'Who?', schema },
      },
    ])
  })

  it('an agent whose form nobody answers learns why, in words about a question', async () => {
    const schema: FormSchema = { type: 'object', properties: {} }
    const question = { ...call({}), form: { message: 'Who?', schema, inputWith: () => ({}) } }
    const declined = open(byCommand, async () => ({ decision: 'deny', by: 'person', message: 'Not me' }))
    expect(await declined.gate.permit(question)).toEqual({
      allowed: false,
      reason: 'A person declined to answer: Not me',
    })
    const late = open(byCommand, async () => ({ decision: 'deny', by: 'expiry' }))
    expect(await late.gate.permit(question)).toMatchObject({
      allowed: false,
      reason: expect.stringMatching(/^Nobody answered in time/),
    })
  })

  it('the gate reports a denied call once, however often the agent tries it', async () => {
    const { gate, denied } = open(byCommand)
    await gate.judge(call({ command: 'bad' }))
    await gate.permit(call({ command: 'bad' }))
    await gate.permit(call({ command: 'worse' }))
    expect(denied).toEqual([
      { toolUseId: 'call', tool: 'Bash', input: { command: 'bad' }, reason: 'It is not good.' },
    ])
  })

  it('the gate judges a call that was never announced, and permits a copy of what it judged', async () => {
    const { gate } = open(byCommand)
    expect(await gate.permit(call({ command: 'bad' }))).toMatchObject({ allowed: false })
    const input = { command: 'good' }
    const permit = await gate.permit(call(input))
    input.command = 'bad'
    expect(permit).toEqual({ allowed: true, input: { command: 'good' } })
  })

  it('the gate applies an approval to the input that people saw, and to no other', async () => {
    const { gate, asking } = open(({ command }) =>
      command === 'odd' ? { decision: 'ask', reason: 'Odd.' } : { decision: 'deny', reason: 'Bad.' },
    )
    expect(await gate.judge(call({ command: 'odd' }))).toEqual({ decision: 'ask', reason: 'Odd.' })
    expect(asking).toEqual([])
    expect(await gate.permit(call({ command: 'odd' }))).toMatchObject({ allowed: true })
    expect(asking).toEqual([true, false])
    expect(await gate.permit(call({ command: 'worse' }))).toEqual({ allowed: false, reason: 'Bad.' })
  })

  it('a person who changes the input decides what runs, unless the policy denies that', async () => {
    const decide = ({ command }: Record<string, unknown>): Verdict =>
      command === 'bad' ? { decision: 'deny', reason: 'It is bad.' } : { decision: 'ask', reason: 'Odd.' }
    const answers = [{ command: 'better' }, { command: 'bad' }]
    const ask = async () => ({ decision: 'allow', by: 'person', updatedInput: answers.shift() }) as never
    const { gate, denied } = open(decide, ask)
    const changeable = { ...call({ command: 'odd' }), changeable: true }
    expect(await gate.permit(changeable)).toEqual({ allowed: true, input: { command: 'better' } })
    expect(await gate.permit(changeable)).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('It is bad.'),
    })
    expect(denied).toMatchObject([{ input: { command: 'bad' } }])
  })

  it('a changed input denies the call of an engine that cannot change it, and says what was approved', async () => {
    const ask = async () =>
      ({ decision: 'allow', by: 'person', updatedInput: { command: 'better' } }) as never
    const { gate } = open(askAlways, ask)
    expect(await gate.permit(call({ command: 'odd' }))).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('{"command":"better"}'),
    })
  })

  it('an approval for the run holds for the same call again, whatever its description, and for no other', async () => {
    const asked: unknown[] = []
    const ask: GateParts['ask'] = async ({ input }) => {
      asked.push(input)
      return { decision: 'allow', by: 'person', scope: 'run' }
    }
    const { gate } = open(askAlways, ask)
    const allowed = async (input: Record<string, unknown>, id: string, tool = 'Bash') =>
      (await gate.permit({ ...call(input, id), tool })).allowed
    expect(await allowed({ command: 'make', description: 'Builds' }, '1')).toBe(true)
    expect(await allowed({ description: 'Builds again', command: 'make' }, '2')).toBe(true)
    expect(asked).toHaveLength(1)
    expect(await allowed({ command: 'make', timeout: 5 }, '3')).toBe(true)
    expect(await allowed({ command: 'make install' }, '4')).toBe(true)
    expect(await allowed({ command: 'make' }, '5', 'Shell')).toBe(true)
    expect(asked).toHaveLength(4)
  })

  it('an approval for the run does not pass what the policy denies by then', async () => {
    let verdict: Verdict = { decision: 'ask', reason: 'Odd.' }
    const ask: GateParts['ask'] = async () => ({ decision: 'allow', by: 'person', scope: 'run' })
    const { gate } = open(() => verdict, ask)
    expect(await gate.permit(call({ command: 'make' }, '1'))).toMatchObject({ allowed: true })
    verdict = { decision: 'deny', reason: 'Not now.' }
    expect(await gate.permit(call({ command: 'make' }, '2'))).toMatchObject({ allowed: false })
  })

  it('a closed gate allows nothing and reports nothing', async () => {
    const { gate, denied } = open(() => ({ decision: 'allow' }))
    expect(await gate.judge(call({ command: 'good' }))).toEqual({ decision: 'allow' })
    gate.close()
    expect(await gate.permit(call({ command: 'good' }))).toMatchObject({ allowed: false })
    expect(await gate.judge(call({ command: 'good' }))).toMatchObject({ decision: 'deny' })
    expect(denied).toEqual([])
  })

  it('a closed gate denies a call whose approval arrives late', async () => {
    const { gate } = open(askAlways)
    const permit = gate.permit(call({ command: 'odd' }))
    gate.close()
    expect(await permit).toMatchObject({ allowed: false })
  })

  // Failed before: the question was put although its call was over, and nobody withdrew it.
  it('the gate asks nobody about a call that ended while it waited for its turn', async () => {
    const { gate, asking } = open(askAlways)
    const ended = new AbortController()
    const permit = gate.permit({ ...call({ command: 'odd' }), signal: ended.signal })
    ended.abort()
    expect(await permit).toEqual({ allowed: false, reason: expect.stringContaining('withdrawn') })
    expect(asking).toEqual([])
  })

  it('the gate withdraws the question about a call that ends, by whichever of its doors it was put', async () => {
    for (const door of ['permit', 'answered'] as const) {
      const people = Promise.withResolvers<ApprovalAnswer>()
      const withdrawn: string[] = []
      const { gate, asking } = open(
        askAlways,
        () => people.promise,
        async (id) => {
          withdrawn.push(id)
          people.resolve({ decision: 'deny', by: 'withdrawn' })
        },
      )
      const ended = new AbortController()
      const one = call({ command: 'odd' })
      if (door === 'answered') void gate.answered(one)
      const permit = gate.permit({ ...one, signal: ended.signal })
      await until(() => asking.length === 1)
      // The permit of a call whose question is open takes its turn, too.
      await new Promise((resolve) => setImmediate(resolve))
      ended.abort()
      expect(await permit).toMatchObject({ allowed: false })
      expect([withdrawn, asking]).toEqual([['call'], [true, false]])
    }
  })

  it('a closed gate withdraws nothing: the end of a run does that, and a parked run keeps its question', async () => {
    const withdrawn: string[] = []
    const { gate, asking } = open(
      askAlways,
      () => new Promise(() => {}),
      async (id) => void withdrawn.push(id),
    )
    const ended = new AbortController()
    void gate.permit({ ...call({ command: 'odd' }), signal: ended.signal })
    await until(() => asking.length === 1)
    gate.close()
    ended.abort()
    gate.withdraw()
    expect(withdrawn).toEqual([])
  })

  // Failed before: the end of the first question hid the second, which nobody withdrew.
  it('of two questions about calls with one id, the second is withdrawn after the first is answered', async () => {
    const people = [Promise.withResolvers<ApprovalAnswer>(), Promise.withResolvers<ApprovalAnswer>()]
    const unasked = [...people]
    const withdrawn: string[] = []
    const { gate, asking } = open(
      askAlways,
      () => unasked.shift()?.promise ?? Promise.reject(new Error('a third question')),
      async (id) => void withdrawn.push(id),
    )
    const first = gate.permit(call({ command: 'first' }))
    void gate.permit(call({ command: 'second' }))
    await until(() => asking.length === 2)
    people[0]?.resolve({ decision: 'allow', by: 'person' })
    await first
    gate.withdraw()
    expect(withdrawn).toEqual(['call'])
  })

  it('the gate opens 32 approvals at once, and denies and reports every further call', async () => {
    const { gate, denied } = open(askAlways, () => new Promise(() => {}))
    const permits = Array.from({ length: 40 }, (_, index) =>
      gate.permit(call({ command: 'odd' }, `${index}`)),
    )
    const refused = await Promise.all(permits.slice(32))
    expect(new Set(refused.map(({ allowed }) => allowed))).toEqual(new Set([false]))
    expect(denied).toHaveLength(8)
    expect(denied[0]).toMatchObject({ toolUseId: '32', reason: expect.stringContaining('Odd.') })
  })

  it('the gate yields to the event loop between very many calls, and holds their process back', async () => {
    let judged = 0
    const { gate } = open(() => {
      judged += 1
      return { decision: 'allow' }
    })
    const all = Array.from({ length: 500 }, (_, index) => gate.permit(call({ index }, `${index}`)))
    expect(gate.room()).not.toBeNull()
    // One turn of the loop, in which sockets are read and timers run.
    await new Promise((resolve) => setImmediate(resolve))
    expect(judged).toBeLessThan(10)
    await Promise.all(all)
    expect(judged).toBe(500)
    expect(gate.room()).toBeNull()
  })

  it('the gate remembers the newest of very many verdicts, and judges the other calls again', async () => {
    let judged = 0
    const { gate } = open(() => {
      judged += 1
      return { decision: 'allow' }
    })
    for (let index = 0; index < 1500; index++) await gate.judge(call({ command: 'good' }, `${index}`))
    expect(judged).toBe(1500)
    for (const id of ['1499', '0']) {
      expect(await gate.permit(call({ command: 'good' }, id))).toMatchObject({ allowed: true })
    }
    expect(judged).toBe(1501)
  })

  // Failed before: answers that no call used were kept without a bound.
  it('the gate keeps the newest of very many answers that no call used, and asks again about the others', async () => {
    let questions = 0
    const { gate } = open(askAlways, async () => {
      questions += 1
      return { decision: 'allow', by: 'person' }
    })
    for (let index = 0; index <= 1000; index += 1) await gate.answered(call({ command: 'odd' }, `${index}`))
    expect(questions).toBe(1001)
    await gate.permit(call({ command: 'odd' }, '1000'))
    expect(questions).toBe(1001)
    await gate.permit(call({ command: 'odd' }, '0'))
    expect(questions).toBe(1002)
  })

  it('the gate denies a call whose input is not an object, or that the policy cannot judge', async () => {
    const { gate, denied } = open(() => {
      throw new Error('out of order')
    })
    for (const input of [null, 'text', ['list'], undefined, { command: 'good' }]) {
      expect(await gate.judge(call(input))).toMatchObject({ decision: 'deny' })
      expect(await gate.permit(call(input))).toMatchObject({ allowed: false })
    }
    expect(denied).toHaveLength(1)
  })
})

describe('the gate as the Claude SDK asks it', () => {
  const { signal } = new AbortController()
  const preToolUse = (command: string) => ({
    hook_event_name: 'PreToolUse' as const,
    tool_name: 'Bash',
    tool_input: { command },
    tool_use_id: 'call',
    cwd: '/project',
    session_id: 's',
    transcript_path: '',
  })

  it('the hook is answered with nothing for an allowed call, and with the decision for any other', async () => {
    const hook = hookOf(open(byCommand).gate)
    expect(await hook(preToolUse('good'), 'call', { signal })).toEqual({})
    expect(await hook(preToolUse('bad'), 'call', { signal })).toEqual({
      hookSpecificOutput: {
        hookEventName: 'PreToolUse',
        permissionDecision: 'deny',
        permissionDecisionReason: 'It is not good.',
      },
    })
    expect(await hookOf(open(askAlways).gate)(preToolUse('odd'), 'call', { signal })).toMatchObject({
      hookSpecificOutput: { permissionDecision: 'ask', permissionDecisionReason: 'Odd.' },
    })
  })

  it('the hook is answered with a denial for anything but a tool call', async () => {
    const hook = hookOf(open(() => ({ decision: 'allow' })).gate)
    const other = { ...preToolUse('good'), hook_event_name: 'Stop', stop_hook_active: false }
    expect(await hook(other as never, 'call', { signal })).toMatchObject({
      hookSpecificOutput: { permissionDecision: 'deny' },
    })
  })

  it('canUseTool is answered with the judged input, or with the reason', async () => {
    const { gate } = open(byCommand)
    const canUseTool = canUseToolOf({ permit: (call) => gate.permit(call), begins: async () => {} })
    const about = { signal, toolUseID: 'call', requestId: 'r' }
    expect(await canUseTool('Bash', { command: 'good' }, about)).toEqual({
      behavior: 'allow',
      updatedInput: { command: 'good' },
    })
    expect(await canUseTool('Bash', { command: 'bad' }, about)).toEqual({
      behavior: 'deny',
      message: 'It is not good.',
    })
  })
})
