// Millrace under PM2: `pm2 start deploy/ecosystem.config.cjs && pm2 save`
//
// One instance: a data directory has one server, and PM2's cluster mode would start two.
const { existsSync } = require('node:fs')
const { join } = require('node:path')

const root = join(__dirname, '..')
// On Linux, the Node that the repository brings; elsewhere the one on the PATH, which must be Node 24.
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
      // More than a server with 10,000 streams needs. A restart interrupts runs, so this is a last resort.
      max_memory_restart: '1536M',
      // By default, PM2 sends SIGINT to every process below the server, the deepest first. Runs would end by
      // that signal and be recorded as having ended by themselves.
      treekill: false,
      // Loads none of PM2's own code into the server.
      pmx: false,
      // A stop takes up to 10 seconds. PM2 kills after this many milliseconds; its default is 1,600.
      kill_timeout: 15000,
      // Trying an invalid configuration again does not help.
      stop_exit_codes: [78],
      // The log is already JSON with timestamps.
      merge_logs: true,
      env: { NODE_ENV: 'production' },
    },
  ],
}
