/** The ACP SDK is loaded with the first agent that needs it. */
export type AcpSdk = typeof import('@agentclientprotocol/sdk')

export function loadAcp(): Promise<AcpSdk> {
  return import('@agentclientprotocol/sdk')
}
