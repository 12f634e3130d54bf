/** What the bundler gives to modules besides code. */
declare module '*.css'
