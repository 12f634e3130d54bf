/** An event stream in an Express application behind `compression`, with nothing but createSSEWriter. */
import { createSSEWriter } from '@millrace/server'
import compression from 'compression'
import express from 'express'

const app = express()
app.use(compression())

app.get('/clock', (_request, response) => {
  // Without `no-transform` the middleware compresses the stream. The writer flushes after every event, so
  // each one arrives at once anyway. If you remove this line, the writer forbids compression.
  response.setHeader('Cache-Control', 'no-cache')
  const stream = createSSEWriter(response)
  let ticks = 0
  const timer = setInterval(() => {
    // False: the client has left, or fell so far behind that it was disconnected.
    if (stream.send('tick', { now: new Date().toISOString() }) && ++ticks < 3) return
    clearInterval(timer)
    stream.close()
  }, 300)
})

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') {
    console.log(`http://127.0.0.1:${address.port}/clock`)
  }
})
process.once('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
})
