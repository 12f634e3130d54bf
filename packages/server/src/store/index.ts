/** The store's port, for whoever writes another store: `@millrace/server/store`. */
export * from './credentials.ts'
export * from './store.ts'
