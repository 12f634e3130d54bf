/** The module for bundlers: the package names another file as such, which it does not contain. */
declare module '@xterm/headless/lib-headless/xterm-headless.mjs' {
  export * from '@xterm/headless'
}
