/** One line of `millrace doctor`. Only `fail` causes exit code 1. */
export interface Check {
  name: string
  status: 'ok' | 'info' | 'warn' | 'fail'
  detail: string
}
