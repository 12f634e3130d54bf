import { renderToStaticMarkup } from 'react-dom/server'
import { describe, expect, it } from 'vitest'
import Markdown from '#run/talk/markdown.tsx'

const htmlOf = (text: string, isOpen = false) =>
  renderToStaticMarkup(<Markdown text={text} isOpen={isOpen} />)

describe('Markdown', () => {
  it('structure is shown as elements without classes of a library', () => {
    const html = htmlOf('## Title\n\n**bold** and `code`\n\n| a |\n| - |\n| b |\n\n```js\nx()\n```')
    expect(html).toContain('<h2>Title</h2>')
    expect(html).toContain('<strong>bold</strong> and <code>code</code>')
    expect(html).toContain('<td>b</td>')
    expect(html).toMatch(/<pre><code>x\(\)\n?<\/code><\/pre>/)
  })

  it('HTML is text, no image is loaded, and only addresses of the web can be opened', () => {
    const html = htmlOf(
      '<script>alert(1)</script><img src=x onerror=alert(1)> <b onclick="x">b</b>\n\n' +
        '![pixel](https://evil.example/p.png) [x](javascript:alert(1)) [y](data:text/html,x) [z](https://ok.example)',
    )
    expect(html).not.toMatch(/<(script|img|b|iframe)[\s>]/)
    expect(html).not.toMatch(/href="(javascript|data)/)
    expect(html).toContain('&lt;script&gt;')
    expect(html).toMatch(/<a href="https:\/\/evil\.example\/p\.png"[^>]*>\[image: pixel\]<\/a>/)
    expect(html).toMatch(
      /<a href="https:\/\/ok\.example\/?" target="_blank" rel="noopener noreferrer nofollow"/,
    )
  })

  it('what is not finished yet is shown as it will be', () => {
    expect(htmlOf('It is **very imp', true)).toContain('<strong>very imp</strong>')
  })
})
