import fc from 'fast-check'
import { renderToStaticMarkup } from 'react-dom/server'
import { describe, expect, it } from 'vitest'
import { codeSpans } from '#run/talk/highlight.ts'
import Markdown from '#run/talk/markdown.tsx'

const htmlOf = (text: string, isOpen = false) =>
  renderToStaticMarkup(<Markdown text={text} isOpen={isOpen} />)

describe('Markdown', () => {
  it('structure is shown as elements, headings below those of the page', () => {
    const html = htmlOf('## Title\n\n**bold** and `code`\n\n| a |\n| - |\n| b |\n\n```js\nx()\n```')
    expect(html).toContain('<h4>Title</h4>')
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

  it('lists keep their numbers, their tasks and what is inside of their items', () => {
    expect(htmlOf('3. a\n4. b\n   - c')).toContain(
      '<ol start="3"><li>a</li><li>b<ul><li>c</li></ul></li></ol>',
    )
    expect(htmlOf('- [x] done\n- [ ] open')).toMatch(/☑ <\/span>.*done.*☐ <\/span>.*open/)
  })

  it('references to characters are shown as what they mean, and never make an element', () => {
    expect(htmlOf('a &lt;b&gt; &amp; &#39;c&#39;')).toContain('a &lt;b&gt; &amp; &#x27;c&#x27;')
  })

  it('any text is shown, however it ends', () => {
    const piece = fc.constantFrom(
      '**',
      '`',
      '```',
      '[a](',
      '|',
      '\n',
      '- ',
      '> ',
      '<b>',
      '#',
      'text',
      '![',
      '&',
    )
    fc.assert(
      fc.property(fc.array(piece), fc.boolean(), (pieces, isOpen) => {
        expect(htmlOf(pieces.join(''), isOpen)).not.toMatch(/<(script|img|b|iframe)[\s>]/)
      }),
    )
  })

  it('what is not finished yet is shown as it will be', () => {
    expect(htmlOf('It is **very imp', true)).toContain('<strong>very imp</strong>')
  })
})

describe('codeSpans', () => {
  it('code is cut into named spans without losing a character, and an unknown language is left alone', () => {
    const code = "const a = 'x' // <b>\n"
    const spans = codeSpans(code, 'ts')
    expect(spans?.map(({ text }) => text).join('')).toBe(code)
    expect(spans?.find(({ text }) => text === "'x'")?.className).toBe('hljs-string')
    expect(codeSpans(code, 'klingon')).toBeNull()
  })
})
