/** Dark or light: the system's choice, unless this browser remembers another. */

export const themes = ['system', 'dark', 'light'] as const
export type Theme = (typeof themes)[number]

const key = 'millrace.theme'

/** A browser may refuse storage: then the choice lasts as long as the page. */
export function storedTheme(): Theme {
  try {
    const stored = localStorage.getItem(key)
    return themes.find((theme) => theme === stored) ?? 'system'
  } catch {
    return 'system'
  }
}

export function applyTheme(theme: Theme = storedTheme()): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

export function chooseTheme(theme: Theme): void {
  applyTheme(theme)
  try {
    localStorage.setItem(key, theme)
  } catch {
    // The page shows it anyway.
  }
}
