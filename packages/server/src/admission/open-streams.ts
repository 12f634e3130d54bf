/**
 * The open streams, by who opened them and with which credential.
 *
 * Owns one timer, and only while a stream is open. Invariants: a stream whose credential is revoked or
 * expired ends within one sweep, even if another process revoked it (the sweep asks the store); no user
 * and no address has more streams than allowed, ended ones not counted; no user's stream is ended to make
 * room for another user's. Guests are counted apart from users at each address, and leave half of all
 * places to users, so that no number of guests keeps a user out.
 */
import { MillraceError } from '@millrace/protocol'
import type { Logger } from 'pino'
import type { Identity } from '#auth/identity'
import type { CredentialStore } from '#store/credentials'

/** What admission needs of a stream. */
export interface OpenStream {
  readonly closed: Promise<void>
  close(): void
  /** Since when its client has stopped reading; null while it keeps up. */
  readonly stalledSince: number | null
}

export interface StreamLimits {
  streamsPerUser: number
  streamsPerAddress: number
  streams: number
}

/** Why a stream ended before its log did: to make room at a cap, for its ticket's next use, or with its credential. */
export const endsOfStreams = ['user', 'address', 'server', 'ticket', 'credential'] as const
export type EndOfStream = (typeof endsOfStreams)[number]

export interface OpenStreamsParts {
  credentials: Pick<CredentialStore, 'dead'>
  limits: StreamLimits
  now: () => number
  log: Logger
  /** Called for each stream that is ended here. */
  onEnded?: (reason: EndOfStream) => void
  /** Called with the id of each ticket that opens a stream, and when: it may have opened one at another node before. */
  onTicket?: (id: string, openedAt: number) => void
}

interface Entry {
  /** Null for a guest. */
  identity: Identity | null
  address: string
  /** Of `now`. */
  openedAt: number
  /** Null while the stream is being opened. */
  stream: OpenStream | null
  released: boolean
}

export interface Reservation {
  /** Hands over the stream that the place was reserved for. */
  attach(stream: OpenStream): void
  /** Returns the place, if no stream took it. */
  release(): void
  /**
   * Makes this caller the owner of the stream, which then ends with their credential. Fails like `reserve` at
   * a user's limit; the owner is then unchanged.
   */
  handOver(identity: Identity): void
}

const sweepMs = 1000
const retryAfterSeconds = 5

export class OpenStreams {
  readonly #parts: OpenStreamsParts
  readonly #entries = new Set<Entry>()
  readonly #ofUser = new Groups<Entry>()
  readonly #usersAt = new Groups<Entry>()
  readonly #guestsAt = new Groups<Entry>()
  readonly #ofTicket = new Groups<Entry>()
  #timer: NodeJS.Timeout | null = null
  #sweeping = false

  constructor(parts: OpenStreamsParts) {
    this.#parts = parts
  }

  get count(): number {
    return this.#entries.size
  }

  /**
   * Takes a place for one more stream. At a limit, the longest-stalled of this user's streams below it is
   * ended to make room; if all of them keep up, the new one is refused with `too_many_streams`.
   */
  reserve(identity: Identity | null, address: string): Reservation {
    const { limits } = this.#parts
    const user = userOf(identity)
    // A ticket opens one connection at a time: the client that reconnects takes the place of its older
    // connection.
    const ticket = ticketOf(identity)
    if (ticket !== null) this.endTicket(ticket)
    this.#makeRoomForUser(user)
    this.#makeRoomAtAddress(address, user)
    this.#makeRoom(limits.streams, 'server', this.#entries, user)
    const entry: Entry = { identity, address, openedAt: this.#parts.now(), stream: null, released: false }
    this.#entries.add(entry)
    this.#ofUser.add(user, entry)
    this.#at(user).add(address, entry)
    if (ticket !== null) {
      this.#ofTicket.add(ticket, entry)
      this.#parts.onTicket?.(ticket, entry.openedAt)
    }
    this.#timer ??= setInterval(() => void this.#sweep(), sweepMs).unref()
    const release = () => this.#release(entry)
    return {
      attach: (stream) => {
        entry.stream = stream
        // The place was taken away while the stream was being opened.
        if (entry.released) stream.close()
        else void stream.closed.then(release)
      },
      release,
      handOver: (next) => this.#handOver(entry, next),
    }
  }

  /** Ends the stream of a ticket, if it has one here that was opened by then. */
  endTicket(id: string, openedBy = Number.POSITIVE_INFINITY): void {
    for (const entry of [...this.#ofTicket.of(id)]) if (entry.openedAt <= openedBy) this.#end(entry, 'ticket')
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  #release(entry: Entry): void {
    if (entry.released) return
    entry.released = true
    this.#entries.delete(entry)
    this.#ofUser.delete(userOf(entry.identity), entry)
    this.#at(userOf(entry.identity)).delete(entry.address, entry)
    const ticket = ticketOf(entry.identity)
    if (ticket !== null) this.#ofTicket.delete(ticket, entry)
    if (this.#entries.size === 0) this.close()
  }

  #handOver(entry: Entry, identity: Identity): void {
    if (entry.released) return
    const [before, user] = [userOf(entry.identity), userOf(identity)]
    if (before !== user) {
      this.#makeRoomForUser(user)
      if (before === null) this.#makeRoomAtAddress(entry.address, user)
      this.#ofUser.delete(before, entry)
      this.#ofUser.add(user, entry)
      if (before === null) {
        this.#guestsAt.delete(entry.address, entry)
        this.#usersAt.add(entry.address, entry)
      }
    }
    entry.identity = identity
  }

  /** Guests are distinguished by address alone. */
  #makeRoomForUser(user: string | null): void {
    const { streams, streamsPerUser } = this.#parts.limits
    const same = this.#ofUser.of(user)
    if (user === null) this.#makeRoom(Math.ceil(streams / 2), 'server', same, user)
    else this.#makeRoom(streamsPerUser, 'user', same, user)
  }

  #at(user: string | null): Groups<Entry> {
    return user === null ? this.#guestsAt : this.#usersAt
  }

  #makeRoomAtAddress(address: string, user: string | null): void {
    this.#makeRoom(this.#parts.limits.streamsPerAddress, 'address', this.#at(user).of(address), user)
  }

  #makeRoom(
    limit: number,
    what: 'user' | 'address' | 'server',
    same: ReadonlySet<Entry>,
    user: string | null,
  ): void {
    if (same.size < limit) return
    const stalled = [...same]
      // Two guests may be two people.
      .filter(
        (entry) => user !== null && userOf(entry.identity) === user && entry.stream?.stalledSince != null,
      )
      .sort((a, b) => (a.stream?.stalledSince ?? 0) - (b.stream?.stalledSince ?? 0))[0]
    if (stalled === undefined) {
      const whose = { user: 'this user', address: 'this address', server: 'this server' }[what]
      throw new MillraceError(
        'too_many_streams',
        `${limit} streams are open for ${whose}, which is the limit`,
        {
          retryAfter: retryAfterSeconds,
        },
      )
    }
    this.#end(stalled, what)
  }

  #end(entry: Entry, reason: EndOfStream): void {
    this.#parts.onEnded?.(reason)
    this.#release(entry)
    entry.stream?.close()
  }

  async #sweep(): Promise<void> {
    if (this.#sweeping) return
    this.#sweeping = true
    try {
      const at = this.#parts.now()
      const ids = new Set<string>()
      for (const { identity } of this.#entries)
        if (identity !== null && identity.credential !== null) ids.add(identity.credential.id)
      const dead = new Set(ids.size === 0 ? [] : await this.#parts.credentials.dead([...ids], at))
      for (const entry of [...this.#entries]) {
        if (entry.identity === null) continue
        const { credential, expiresAt } = entry.identity
        const expired = expiresAt !== null && expiresAt <= at
        if (!expired && !(credential !== null && dead.has(credential.id))) continue
        this.#end(entry, 'credential')
      }
    } catch (error) {
      this.#parts.log.error({ err: error }, 'credentials of open streams could not be checked')
    } finally {
      this.#sweeping = false
    }
  }
}

function ticketOf(identity: Identity | null): string | null {
  const credential = identity?.credential
  return credential?.kind === 'ticket' ? credential.id : null
}

function userOf(identity: Identity | null): string | null {
  return identity === null ? null : identity.principal.user
}

const nobody: ReadonlySet<never> = new Set()

/** Sets by name; a name whose set is empty is removed. */
class Groups<Member> {
  readonly #sets = new Map<string | null, Set<Member>>()

  of(name: string | null): ReadonlySet<Member> {
    return this.#sets.get(name) ?? nobody
  }

  add(name: string | null, member: Member): void {
    const set = this.#sets.get(name) ?? new Set<Member>()
    this.#sets.set(name, set.add(member))
  }

  delete(name: string | null, member: Member): void {
    const set = this.#sets.get(name)
    set?.delete(member)
    if (set?.size === 0) this.#sets.delete(name)
  }
}
