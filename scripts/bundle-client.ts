/** The client as a bundler hands it to a browser: one module, minified, with everything it needs in it. */
import { build } from 'vite'

export interface Bundle {
  code: string
  /** What the module would load besides itself. */
  imports: string[]
}

export async function bundleClient(): Promise<Bundle> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      minify: true,
      // Not as a library, whose white space vite leaves for the next bundler.
      rollupOptions: { input: 'packages/client/src/index.ts', preserveEntrySignatures: 'strict' },
      modulePreload: { polyfill: false },
    },
  })
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((result) =>
    'output' in result ? result.output : [],
  )
  const chunks = outputs.filter((output) => output.type === 'chunk')
  return {
    code: chunks.map(({ code }) => code).join(''),
    imports: chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]),
  }
}
