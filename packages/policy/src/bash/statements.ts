/** Walks the statements of a script in the order they run, keeping what is known at each. */
import {
  type ArithmeticExpression,
  type Assignment,
  type CommandNode,
  forEachChild,
  type ParsedScript,
  type PipelineNode,
  type Redirection,
  type Script,
  type Statement,
  type SyntaxNode,
  type TestExpression,
  type Word,
} from 'unbash'
import { type Expander, expandText, expandWord, expansionTexts, printsNumber } from '#bash/words/expand'
import type { Span } from '#finding'
import { assignedIn, declaring, isDynamic, isNumber, shared } from './assigned.ts'
import type { Input } from './call.ts'
import type { Reading } from './reading.ts'
import { inputOf, judgeRedirect } from './redirects.ts'
import { type Scope, samePlaces } from './scope.ts'
import { isUnknown, plainText, show, unknownText, unknownWords } from './symbols.ts'
import { mayExport, maySet } from './variables.ts'

export interface Walk {
  reading: Reading
  scope: Scope
  /** Judges one simple command, given the texts of its name and arguments. */
  simple(
    argv: readonly (readonly string[])[],
    node: { dynamicName: boolean; spans: readonly Span[] },
    input: Input,
    scope: Scope,
  ): void
}

export class Walker {
  readonly #reading: Reading
  readonly #scope: Scope
  readonly #simple: Walk['simple']
  readonly #expander: Expander

  constructor({ reading, scope, simple }: Walk) {
    this.#reading = reading
    this.#scope = scope
    this.#simple = simple
    const { home } = reading.options
    this.#expander = {
      scope,
      home,
      splitsAnywhere: () => reading.splitsAnywhere,
      forbid: (reason) => reading.forbid(reason),
      unreadable: (reason) => reading.unreadable(reason),
    }
  }

  script(script: ParsedScript | Script, input: Input): void {
    const [error] = 'errors' in script ? (script.errors ?? []) : []
    if (error !== undefined) this.#reading.unreadable(`the command is not complete bash: ${error.message}`)
    this.#reading.deeper(() => this.#statements(script.commands, shared(input)))
  }

  #statements(statements: readonly Statement[], input: Input): void {
    for (const { command, background } of statements) {
      this.#reading.order.next()
      if (background === true) {
        this.#reading.order.atAnyTime()
        this.#scope.apart(() => this.#list(command, input))
        continue
      }
      const before = this.#scope.directories
      this.#list(command, input)
      // A `cd` that fails stays, and what follows runs there.
      if (!samePlaces(before, this.#scope.directories)) this.#scope.alsoIn(before)
    }
  }

  #list(node: Statement['command'], input: Input): void {
    if (node.type !== 'AndOr') {
      this.#pipeline(node, input)
      return
    }
    const [first, ...others] = node.commands
    if (first === undefined) return
    const rest = () => {
      for (const [index, command] of others.entries()) {
        this.#reading.order.next()
        // After `&&` all before it has happened; after `||` perhaps nothing.
        if (node.operators[index] === '&&') this.#pipeline(command, input)
        else this.#scope.maybe(() => this.#pipeline(command, input))
      }
    }
    // `cd x || …` leaves it open where it goes on.
    if (node.operators.includes('||')) this.#scope.maybe(() => this.#pipeline(first, input))
    else this.#pipeline(first, input)
    this.#scope.maybe(rest)
  }

  #pipeline(node: PipelineNode, input: Input): void {
    if (node.type !== 'Pipeline') {
      this.#command(node, input)
      return
    }
    if (node.commands.length === 1) {
      for (const command of node.commands) this.#command(command, input)
      return
    }
    this.#reading.order.together(() => {
      for (const [index, command] of node.commands.entries())
        this.#scope.apart(() => this.#command(command, index === 0 ? input : { from: 'elsewhere' }))
    })
  }

  #command(node: CommandNode, input: Input): void {
    if (!this.#reading.look()) return
    this.#reading.deeper(() => this.#commandOf(node, input))
  }

  #commandOf(node: CommandNode, input: Input): void {
    switch (node.type) {
      case 'Command':
        this.#simpleCommand(node, input)
        return
      case 'Redirected': {
        this.#redirects(node.redirects)
        // Several commands share it, and each reads on where the one before stopped.
        this.#command(node.command, shared(inputOf(node.redirects, input, this.#expander)))
        return
      }
      case 'Subshell':
        this.#scope.apart(() => this.#statements(node.body.commands, input))
        return
      case 'BraceGroup':
        this.#statements(node.body.commands, input)
        return
      case 'If': {
        this.#statements(node.clause.commands, input)
        this.#scope.maybe(() => this.#statements(node.then.commands, input))
        for (const { clause, then } of node.elif) {
          this.#scope.maybe(() => this.#statements(clause.commands, input))
          this.#scope.maybe(() => this.#statements(then.commands, input))
        }
        this.#scope.maybe(() => this.#statements(node.else?.commands ?? [], input))
        return
      }
      case 'While':
        this.#loop(node, () => {
          this.#statements(node.clause.commands, input)
          this.#statements(node.body.commands, input)
        })
        return
      case 'For':
      case 'Select': {
        const words = node.wordlist
        for (const word of words ?? []) this.#expansions(word)
        const texts = words?.flatMap((word) => expandWord(word, this.#expander).flat()) ?? [unknownText]
        this.#loop(node, () => {
          if (node.type === 'For') this.#scope.assign(node.name.value, texts)
          else this.#scope.forget(node.name.value)
          this.#statements(node.body.commands, input)
        })
        return
      }
      case 'ArithmeticFor':
        this.#loop(node, () => {
          for (const part of [node.initialize, node.test, node.update]) this.#arithmetic(part)
          this.#statements(node.body.commands, input)
        })
        return
      case 'Case':
        this.#expansions(node.word)
        for (const item of node.items) {
          for (const pattern of item.pattern) this.#expansions(pattern)
          this.#scope.maybe(() => this.#statements(item.body.commands, input))
        }
        return
      case 'TestCommand':
        this.#expansions(node)
        this.#test(node.expression)
        return
      case 'ArithmeticCommand':
        this.#arithmetic(node.expression)
        return
      case 'Function':
        this.#functionBody(node.name.value, node.body)
        return
      case 'Coproc':
        this.#reading.order.atAnyTime()
        this.#scope.apart(() => this.#group(node.body, { from: 'elsewhere' }))
        return
      default:
        node satisfies never
    }
  }

  #group(body: Extract<SyntaxNode, { type: 'Coproc' }>['body'], input: Input): void {
    if (body.type === 'CompoundList') this.#statements(body.commands, input)
    else this.#command(body, input)
  }

  /** What a loop assigns is unknown when it comes round again. */
  #loop(node: SyntaxNode, happen: () => void): void {
    const named = node.type === 'For' || node.type === 'Select' ? node.name.value : ''
    if (named !== '' && !maySet(named))
      this.#reading.unreadable(`the loop sets ${named}, which other programs may obey`)
    for (const [name, counts] of assignedIn(node, this.#reading)) {
      const values = this.#scope.valuesOf(name)
      if (counts && values?.every(isNumber) === true) this.#scope.assign(name, [plainText])
      else this.#scope.forget(name)
    }
    this.#reading.order.together(() => {
      const before = this.#scope.directories
      this.#scope.maybe(happen)
      // The second time it may start where the first one ended.
      if (!samePlaces(this.#scope.directories, before)) this.#scope.maybe(happen)
    })
  }

  #functionBody(name: string, body: Extract<SyntaxNode, { type: 'Function' }>['body']): void {
    if (/^[a-z_][\w-]*$/i.test(name) === false)
      this.#reading.unreadable(`the function ${show(name)} has no plain name`)
    const { directories } = this.#scope
    this.#reading.order.atAnyTime()
    const moves = this.#scope.atAnyTime(() => this.#group(body, { from: 'elsewhere' }))
    for (const assigned of assignedIn(body, this.#reading).keys()) this.#scope.taint(assigned)
    this.#scope.define(name, { directories, moves })
  }

  #simpleCommand(node: Extract<CommandNode, { type: 'Command' }>, input: Input): void {
    this.#point(node)
    for (const part of [...node.prefix, ...node.suffix]) this.#expansions(part)
    this.#point(node)
    this.#reading.order.begin()
    this.#redirects(node.redirects)
    for (const part of node.prefix)
      if (part.type === 'Assignment') this.#assignment(part, node.name !== undefined)
    if (node.name === undefined) return
    this.#expansions(node.name)
    const argv: (readonly string[])[] = expandWord(node.name, this.#expander)
    const spans: Span[] = argv.map(() => spanOf(node.name))
    const declares = declaring[node.name.value]
    for (const arg of node.args) {
      if (!this.#reading.look()) return
      if (arg.type === 'Word') argv.push(...expandWord(arg, this.#expander))
      else if (declares !== undefined) {
        this.#assignment(arg, declares === 'exported')
        this.#assign(arg)
        argv.push([`${arg.name}=`])
      } else argv.push(this.#asText(arg))
      while (spans.length < argv.length) spans.push(spanOf(arg))
    }
    const from = inputOf(node.redirects, input, this.#expander)
    this.#point(node)
    this.#simple(argv, { dynamicName: isDynamic(node.name), spans }, from, this.#scope)
  }

  #point(node: SyntaxNode): void {
    this.#reading.point(spanOf(node))
  }

  /** `of=/dev/sda` parses as an assignment, and is an argument. */
  #asText(arg: Assignment): string[] {
    if (arg.value.type === 'ArrayValue' || arg.index !== undefined) return [unknownText]
    const sign = arg.append === true ? '+=' : '='
    const [texts = [unknownWords], more] = expandWord(arg.value, this.#expander)
    return more === undefined ? texts.map((value) => `${arg.name}${sign}${value}`) : [unknownWords]
  }

  /** `exported`: programs see it. */
  #assignment(node: Assignment, exported: boolean): void {
    const { name, value, append, index } = node
    this.#point(node)
    if (index !== undefined && !/^\d+$/.test(index.text))
      this.#reading.unreadable(`${name}[${show(index.text)}] computes an index, which can run commands`)
    if (value.type === 'ArrayValue' && value.elements.some((word) => word.text.startsWith('[')))
      this.#reading.unreadable(`${name} is given indexes that are computed`)
    const texts = value.type === 'Word' && append !== true ? expandText(value, this.#expander) : [unknownText]
    if (name === 'IFS') {
      if (!exported) this.#reading.splitsAnywhere = true
    } else if (!texts.every((text) => mayExport(name, text)) && (exported || !maySet(name)))
      this.#reading.unreadable(`${name}=${show(texts[0] ?? '')} may change what programs do`)
    if (!exported) this.#assign(node)
  }

  #assign({ name, value, append, index }: Assignment): void {
    if (value.type === 'ArrayValue' || append === true || index !== undefined) this.#scope.forget(name)
    else this.#scope.assign(name, expandText(value, this.#expander))
  }

  #redirects(redirects: readonly Redirection[]): void {
    for (const redirect of redirects) {
      this.#expansions(redirect)
      this.#point(redirect)
      judgeRedirect(redirect, this.#expander, this.#reading)
    }
  }

  /** Substitutions anywhere below a node run as well. */
  #expansions(node: SyntaxNode): void {
    if (!this.#reading.look()) return
    if (node.type === 'Script') {
      this.#scope.apart(() => this.script(node, { from: 'nowhere' }))
      return
    }
    if (node.type === 'ProcessSubstitution') this.#reading.order.atAnyTime()
    // Also where the text itself is not used: heredocs, patterns.
    if (node.type === 'SimpleExpansion' || node.type === 'ParameterExpansion')
      expansionTexts(node, this.#expander)
    if (node.type === 'ArithmeticExpansion') this.#arithmetic(node.expression)
    else if (node.type === 'ParameterExpansion' && node.operation?.type === 'Slice')
      for (const word of [node.operation.offset, node.operation.length]) this.#number(word)
    else this.#reading.deeper(() => forEachChild(node, (child) => this.#expansions(child)))
  }

  /** Bash evaluates the text of a variable in arithmetic, and an index in it can hold a command. */
  #arithmetic(node: ArithmeticExpression | undefined): void {
    if (node === undefined || !this.#reading.look()) return
    // What it prints is evaluated: an index in it can run commands.
    if (node.type === 'ArithmeticCommandExpansion' && !printsNumber(node.text))
      this.#reading.unreadable(`the output of ${show(node.text)} is evaluated in arithmetic`)
    if (node.type !== 'ArithmeticWord') {
      this.#reading.deeper(() =>
        forEachChild(node, (child) => {
          if (child.type.startsWith('Arithmetic')) this.#arithmetic(child as ArithmeticExpression)
          else this.#expansions(child)
        }),
      )
      return
    }
    for (const part of node.parts ?? []) this.#expansions(part)
    const text = node.value.replace(/^\$\{?(\w+)\}?$/, '$1').replace(/^\$[#?$!]$/, '0')
    if (/^[A-Za-z_]\w*$/.test(text) && !maySet(text)) this.#reading.unreadable(`arithmetic may set ${text}`)
    const plain = /^(0[xX][\da-fA-F]+|\d+#?\w*|\$\{#\w+(\[[@*]\])?\}|[A-Za-z_]\w*|\d*)$/.test(text)
    const values = this.#scope.valuesOf(text) ?? []
    const numeric = values.every(isNumber)
    if (!plain) this.#reading.unreadable(`${show(node.value)} in arithmetic can run commands`)
    else if (!numeric && /^[A-Za-z_]/.test(text))
      this.#reading.unreadable(
        `the text of ${text} is evaluated in arithmetic and is not known to be a number`,
      )
  }

  #number(word: Word | undefined): void {
    if (word === undefined) return
    this.#expansions(word)
    if (!/^\s*-?\d*\s*$/.test(word.value))
      this.#reading.unreadable(`${show(word.text)} is evaluated as arithmetic`)
  }

  #test(node: TestExpression): void {
    this.#reading.deeper(() => {
      if (node.type === 'TestLogical') for (const operand of node.operands) this.#test(operand)
      if (node.type === 'TestNot') this.#test(node.operand)
      if (node.type === 'TestGroup') this.#test(node.expression)
      if (node.type === 'TestUnary' && ['-v', '-R'].includes(node.operator))
        this.#testNumber(node.operand, /^\w+$/)
      if (node.type === 'TestBinary' && /^-(eq|ne|lt|le|gt|ge)$/.test(node.operator))
        for (const side of [node.left, node.right]) this.#testNumber(side, /^-?\d+$/)
    })
  }

  #testNumber(word: Word, plain: RegExp): void {
    const texts = expandText(word, this.#expander)
    const bad = texts.find((text) => !plain.test(text.replaceAll(plainText, '0')) || isUnknown(text))
    if (bad !== undefined && !(texts.length === 1 && /^\$\{?#/.test(word.text)))
      this.#reading.unreadable(
        `${show(word.text)} is evaluated as arithmetic by [[, and is not known to be a number`,
      )
  }
}

function spanOf(node: { pos: number; end: number } | undefined): Span {
  return { start: node?.pos ?? 0, end: node?.end ?? 0 }
}
