// Millrace under PM2: `pm2 start deploy/ecosystem.config.cjs && pm2 save`
//
// One instance: a data directory has one server, and PM2's cluster mode would start two.
const { existsSync } = require('node:fs')
const { join } = require('node:path')

const root = join(__dirname, '..')
// The Node the repository brings on Linux; elsewhere the one on the PATH, which has to be a Node 24.
const carriedNode = join(root, 'node_modules/.bin/node')

module.exports = {
  apps: [
    {
      name: 'millrace',
      cwd: root,
      script: 'packages/server/bin/millrace.js',
      args: 'serve',
      interpreter: existsSync(carriedNode) ? carriedNode : 'node',
      node_args: '--max-old-space-size=2048',
      exec_mode: 'fork',
      instances: 1,
      // Above what a server with 10,000 streams needs; a restart interrupts runs, so it is a last resort.
      max_memory_restart: '1536M',
      // PM2 sends SIGINT to every process below the server, the deepest first, unless told to leave that to it:
      // runs would end by PM2's signal, and be recorded as ended by themselves.
      treekill: false,
      // Nothing of PM2's own is loaded into the server.
      pmx: false,
      // A stop takes 10 seconds at most; PM2 kills after this many milliseconds (its default is 1,600).
      kill_timeout: 15000,
      // A configuration that is not valid does not become valid by being tried again.
      stop_exit_codes: [78],
      // The log is JSON already, with its own times.
      merge_logs: true,
      env: { NODE_ENV: 'production' },
    },
  ],
}
