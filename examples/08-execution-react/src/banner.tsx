import type { ConnectionStatus } from '@millrace/react'

const texts: Record<ConnectionStatus, string> = {
  idle: '',
  connecting: 'Connecting …',
  open: 'Live',
  reconnecting: 'The connection was lost. Reconnecting …',
  closed: 'Everything has arrived',
  failed: 'The server does not answer.',
}

interface BannerProps {
  status: ConnectionStatus
  reason: string | undefined
  onRetry: () => void
}

/** How the connection is; when it was given up, the way to try again. */
export function Banner({ status, reason, onRetry }: BannerProps) {
  return (
    <div className={`banner ${status}`} role="status" data-status={status}>
      <span title={reason}>{texts[status]}</span>
      {status === 'failed' && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  )
}
