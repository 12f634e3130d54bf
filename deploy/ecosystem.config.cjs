// Millrace under PM2: `pm2 start deploy/ecosystem.config.cjs && pm2 save`
//
// One instance: a data directory has one server, and PM2's cluster mode would start two.
const { join } = require('node:path')

const root = join(__dirname, '..')

module.exports = {
  apps: [
    {
      name: 'millrace',
      cwd: root,
      script: 'packages/server/bin/millrace.js',
      args: 'serve',
      // The Node the repository brings on Linux; elsewhere, set it to a Node 24.
      interpreter: join(root, 'node_modules/.bin/node'),
      node_args: '--max-old-space-size=2048',
      exec_mode: 'fork',
      instances: 1,
      // Above what a server with 10,000 streams needs; a restart interrupts runs, so it is a last resort.
      max_memory_restart: '1536M',
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
