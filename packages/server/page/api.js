// The server, by its public HTTP faces, as any other client knows it.

/** Called when the server says that nobody is logged in. */
let loggedOut = () => {}

export function whenLoggedOut(action) {
  loggedOut = action
}

/** The JSON it answers; fails with what it says is wrong. `status` is on the error. */
export async function api(path, options = {}) {
  const headers = { Accept: 'application/json', ...options.headers }
  const response = await fetch(path, { ...options, headers }).catch(() => {
    throw new Error('The server does not answer.')
  })
  if (response.status === 401) loggedOut()
  const body = response.status === 204 ? null : await response.json()
  if (response.ok) return body
  const message = body?.detail ?? `The server answered ${response.status}.`
  throw Object.assign(new Error(message), { status: response.status })
}

export function post(path, body) {
  if (body === undefined) return api(path, { method: 'POST' })
  const headers = { 'Content-Type': 'application/json' }
  return api(path, { method: 'POST', body: JSON.stringify(body), headers })
}
