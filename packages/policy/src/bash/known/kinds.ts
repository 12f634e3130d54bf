/** What each kind of argument may be. Paths are judged by place, everything else by its text. */
import type { Call } from '#bash/call'
import { awkTrouble } from '#bash/languages/awk'
import { jqTrouble } from '#bash/languages/jq'
import { sedTrouble } from '#bash/languages/sed'
import { holdsStandIn, isUnknown, plainText, show } from '#bash/symbols'
import { urlTrouble } from '#hosts'
import type { Value } from './arguments.ts'
import type { Kind } from './grammar.ts'

/** Longer programs in another language are not looked through. */
const longestProgram = 2_000

type Judge = (call: Call, text: string) => void

/** Known text of this form, and nothing else. */
function only(form: RegExp, what: string): Judge {
  return (call, text) => {
    if (!form.test(text.replaceAll(plainText, '0')))
      call.unreadable(`${show(text)} is not ${what} that ${call.name} is known to take`, text)
  }
}

function language(trouble: (text: string) => string | null): Judge {
  return (call, text) => {
    const reason = holdsStandIn(text)
      ? 'is not written out'
      : text.length > longestProgram
        ? 'is too long'
        : trouble(text)
    if (reason !== null) call.unreadable(`the text ${show(text)} for ${call.name} ${reason}`, text)
  }
}

const path =
  (judge: (call: Call, text: string) => void): Judge =>
  (call, text) => {
    // `-` is standard input or output.
    if (text !== '-' && text !== '') judge(call, text)
  }

const judges: Readonly<Record<Kind, Judge>> = {
  any: () => {},
  text: () => {},
  /** The command behind a wrapper is judged as a whole. */
  command: () => {},
  word: only(/^[\w@%+=:,./^~-]*$/, 'a word'),
  mode: only(/^(0?[0-7]{3}|[ugoa]*[+=-][rwxX]+(,[ugoa]*[+=-][rwxX]+)*)$/, 'a mode'),
  number: only(/^[+-]?\d*\.?\d+[a-zA-Z]{0,3}$/, 'a number'),
  ref: (call, text) => {
    only(/^(?!-)[^\s;|&`$<>"']+$/, 'a name of git')(call, text)
    if (/^[/~]|(^|\/)\.\.(\/|$)/.test(text)) call.reads(text, true)
  },
  target: only(/^(?!-)[\w@:./+-]+$/, 'a name'),
  variable: (call, text) => {
    if (/^[A-Za-z_]\w*$/.test(text)) call.sets(text)
    else call.unreadable(`${show(text)} is not the plain name of a variable`, text)
  },
  pidlike: only(/^(\u{f0003}|%\d+)$/u, 'a process of this command'),
  name: only(/^[\w.-]+$/, 'a name'),
  said: (call, text) => {
    if (holdsStandIn(text) || text.startsWith('-')) call.unreadable(`${show(text)} is not written out`, text)
  },
  assign: only(/^[a-z]\w*=/, 'an assignment'),
  backup: only(/^[\w.~-]*$/, 'a suffix'),
  package: only(/^\.(\/[\w./-]*|\[[\w,-]+\])?$/, 'a package of the project'),
  /** What a program of the project is given. */
  argument: (call, text) => {
    if (harmlessFlag.test(text)) return
    if (!/^(?![-@])[\w@%+=:,./[\]*-]*$/.test(text.replaceAll(plainText, '0')) || /=.*\//.test(text))
      call.unreadable(`${show(text)} is given to code of the project, which may do anything with it`, text)
    else if (/[/~]|^\.\.?$/.test(text)) call.writes(text, false)
  },
  format: only(/^\+[\w%:./ ,TZ+-]*$/, 'a format'),
  url: (call, text) => {
    const trouble = isUnknown(text) ? { reason: 'is not written out', grave: false } : urlTrouble(text)
    if (trouble?.grave === true) call.forbid(`${show(text)} ${trouble.reason}`, text)
    else if (trouble !== null) call.unreadable(`${show(text)} ${trouble.reason}`, text)
  },
  awk: language(awkTrouble),
  sed: language(sedTrouble),
  jq: language(jqTrouble),
  script: (call, text) => call.script(text),
  later: (call, text) => call.laterScript(text),
  read: path((call, text) => call.reads(text)),
  file: path((call, text) => {
    call.reads(text)
    if (call.isDirectory(text))
      call.unreadable(`${show(text)} is a directory, whose links are followed`, text)
  }),
  archive: path((call, text) => {
    if (text.includes(':')) call.unreadable(`${show(text)} may be on another machine`, text)
  }),
  /** Changed without its content: its mode. */
  mark: path((call, text) => call.writes(text, false)),
  deep: path((call, text) => call.reads(text, true)),
  write: path((call, text) => call.writes(text)),
  remove: path((call, text) => call.removes(text)),
  run: (call, text) => {
    if (text === '-') call.unreadable(`${call.name} runs what it is given by its input`, text)
    else call.executes(text)
  },
  /** A directory to work in, as `-C` names it. */
  enter: path((call, text) => call.writes(text)),
}

/** Flags that say no more than they say, whatever program takes them. */
const harmlessFlag =
  /^--?(run|watch=false|watchAll=false|coverage|ci|fix|check|verbose|silent|quiet|bail|u|v|q|t|port|help|version|json|debug|dry-run|list|nocapture)$/

export function judgeValue(call: Call, { kind, text }: Value): void {
  judges[kind](call, text)
}
