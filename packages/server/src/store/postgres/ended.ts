/** Why a store is over: nothing is tried again after one of these. */
export class Ended extends Error {}

/** Another node has taken over what this one worked on. */
export class NodeLost extends Ended {
  constructor() {
    super('this node did not renew its lease in time, and other nodes took over its runs')
  }
}

/** The database was restored, or a standby took its place that may lack its newest commits. */
export class HistoryChanged extends Ended {
  constructor() {
    super('the database has another history than before: it was restored, or a standby took its place')
  }
}

export class StoreClosed extends Ended {
  constructor() {
    super('the store is closed')
  }
}
