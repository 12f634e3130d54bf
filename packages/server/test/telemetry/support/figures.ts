/** The value of one series in the text format of Prometheus. */
export function figureOf(body: string, series: string): number | undefined {
  const found = body.split('\n').find((line) => line.startsWith(`${series} `))
  return found === undefined ? undefined : Number(found.slice(series.length + 1))
}
