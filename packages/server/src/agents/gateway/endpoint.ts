/** Where the model's API is. */
export interface ModelEndpoint {
  baseUrl: string
  /** Known to the server alone. */
  apiKey: string | undefined
  /** True for a scripted stand-in. */
  demo: boolean
}
