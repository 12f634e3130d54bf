import { describe, expect, it } from 'vitest'
import { Screen } from '#run/terminal/screen.ts'

async function screenOf(text: string, columns = 20): Promise<Screen> {
  const screen = new Screen(columns, 5)
  await screen.write(text)
  return screen
}
const textOf = (screen: Screen) =>
  Array.from({ length: screen.rows }, (_, row) =>
    screen
      .spansOf(row)
      .map(({ text }) => text)
      .join(''),
  )

describe('Screen', () => {
  it('a line that rewrites itself is shown as it is in the end', async () => {
    expect(textOf(await screenOf('10%\r50%\r100%\r\nup\u001b[1A\u001b[Gover\r\ndone'))).toEqual([
      'over',
      'done',
    ])
  })

  it('colours and weights are those of the log', async () => {
    const screen = await screenOf('\u001b[1;31mred\u001b[0m \u001b[38;2;1;2;3;48;5;200mx\u001b[0m')
    expect(screen.spansOf(0)).toEqual([
      { text: 'red', style: { color: 1, bold: true } },
      { text: ' ', style: {} },
      { text: 'x', style: { color: '#010203', background: 200 } },
    ])
  })

  it('wide characters take one place in the text', async () => {
    expect(textOf(await screenOf('漢字 ok'))).toEqual(['漢字 ok'])
  })

  it('what has left the screen can be scrolled to', async () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`)
    expect(textOf(await screenOf(lines.join('\r\n')))).toEqual(lines)
  })
})
