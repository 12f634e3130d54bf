/**
 * What the benchmarks use of the Durable Streams server. The package is installed when a benchmark is first run, and
 * the type check works without it.
 */
declare module '@durable-streams/server' {
  export class DurableStreamTestServer {
    constructor(options: { port: number; host: string; dataDir: string })
    /** Returns the URL it listens on. */
    start(): Promise<string>
  }

  export class FileBackedStreamStore {
    constructor(options: { dataDir: string; maxFileHandles: number })
    create(path: string, options: { contentType: string }): Promise<unknown>
    append(path: string, data: Uint8Array, options: { contentType: string }): Promise<unknown>
    close(): Promise<void>
  }
}
