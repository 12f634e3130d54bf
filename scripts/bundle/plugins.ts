/** What the bundle of the server changes in the modules that it takes in. */
import { builtinModules } from 'node:module'
import { basename, dirname, relative } from 'node:path'
import type { Plugin } from 'rolldown'

/**
 * Takes Node's own modules from the process. An `import` would read every export of each, and so load what the rarely
 * used ones need: a tenth of a start.
 */
export const builtins: Plugin = {
  name: 'builtins',
  resolveId(source, _importer, { kind }) {
    const name = source.replace(/^node:/, '')
    const known = builtinModules.includes(name) || builtinModules.includes(source)
    return known && kind === 'import-statement' ? `\0builtin:${name}` : null
  },
  load: {
    filter: { id: /^\0builtin:/ },
    handler(id) {
      const name = id.slice('\0builtin:'.length)
      const names = Object.keys(process.getBuiltinModule(`node:${name}`) as object).filter(
        (key) => key !== 'default',
      )
      return [
        `const builtin = process.getBuiltinModule('node:${name}')`,
        'export default builtin',
        ...names.map((key) => `export const ${key} = builtin.${key}`),
      ].join('\n')
    },
  },
}

/** Parts of packages that a server hardly ever needs, and that are large. Each is loaded when something of it is read. */
const deferred = ['mime-db', '@opentelemetry/api']

export const stubs: Plugin = {
  name: 'stubs',
  resolveId(source, importer) {
    if (importer?.startsWith('\0deferred:')) return { id: source, external: true }
    // A copy of Node's streams for older Nodes.
    if (source === 'readable-stream') return { id: 'node:stream', external: true }
    return deferred.includes(source) || source === 'glob' ? `\0deferred:${source}` : null
  },
  load: {
    filter: { id: /^\0deferred:/ },
    handler(id) {
      const name = id.slice('\0deferred:'.length)
      const code =
        name === 'glob'
          ? `exports.glob = (...args) => require('glob').glob(...args)`
          : `module.exports = new Proxy({}, { get: (_target, key) => require('${name}')[key] })`
      return { code, moduleType: 'js' }
    },
  },
}

/**
 * Lets our modules find the files beside their sources: `import.meta.url` is the address of the source, and
 * `import.meta.resolve('#…')` that of the entry in the bundle. `entries` is path below `src` → name.
 */
export function ownAddresses(folder: string, entries: ReadonlyMap<string, string>): Plugin {
  return {
    name: 'own-addresses',
    transform: {
      filter: { id: /\/packages\/[^/]+\/src\/.*\.ts$/, code: /import\.meta\.(url|resolve)/ },
      handler(code, id, { magicString }) {
        if (magicString === undefined) throw new Error('rolldown gives no MagicString')
        for (const [found, path = ''] of code.matchAll(/import\.meta\.resolve\('#([^']+)'\)/g)) {
          const entry = entries.get(path)
          if (entry === undefined) throw new Error(`${id} resolves #${path}, which is no entry of the bundle`)
          magicString.replaceAll(found, `new URL('./${entry}.js', import.meta.url).href`)
        }
        const place = JSON.stringify(relative(folder, id))
        magicString.replaceAll(/import\.meta\.url(?!\)\.href)/g, `new URL(${place}, import.meta.url).href`)
        return { code: magicString }
      },
    },
  }
}

/** Escapes characters above U+00FF: with a single one of them, V8 keeps two bytes for each character of a file. */
export const latin1: Plugin = {
  name: 'latin1',
  renderChunk(code, { fileName }, _options, { magicString }) {
    const wide = new Set(code.match(/[^\0-\u00ff]/gu))
    if (wide.size === 0) return null
    if (magicString === undefined)
      throw new Error(`rolldown gives no MagicString for ${basename(dirname(fileName))}`)
    for (const char of wide) {
      const units = Array.from({ length: char.length }, (_, index) => char.charCodeAt(index))
      magicString.replaceAll(char, units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join(''))
    }
    return { code: magicString }
  },
}
