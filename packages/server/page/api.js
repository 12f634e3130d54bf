// Calls the server through its public HTTP faces, as any other client would.

/** Called when the server answers that nobody is logged in. */
let loggedOut = () => {}

export function whenLoggedOut(action) {
  loggedOut = action
}

/** Returns the JSON of the answer. Throws an error with the server's message and, if it answered, its `status`. */
export async function api(path, options = {}) {
  const headers = { Accept: 'application/json', ...options.headers }
  const response = await fetch(path, { ...options, headers }).catch(() => {
    throw new Error('The server is not responding.')
  })
  if (response.status === 401) loggedOut()
  const body = response.status === 204 ? null : await response.json()
  if (response.ok) return body
  const message = body?.detail ?? `The server responded with ${response.status}.`
  throw Object.assign(new Error(message), { status: response.status })
}

/** Exchanges a token for a code that logs this browser in, once. */
export async function codeOfToken(token) {
  const isHeader = /^[\x21-\x7e]+$/.test(token)
  const response = isHeader
    ? await fetch('api/login-codes', { method: 'POST', headers: { Authorization: `Bearer ${token}` } })
    : null
  if (response === null || response.status === 401) throw new Error('This token is not valid here.')
  const body = await response.json()
  if (!response.ok) throw new Error(body.detail ?? `The server responded with ${response.status}.`)
  return new URL(body.url, location.href).searchParams.get('code')
}

export function post(path, body) {
  if (body === undefined) return api(path, { method: 'POST' })
  const headers = { 'Content-Type': 'application/json' }
  return api(path, { method: 'POST', body: JSON.stringify(body), headers })
}
