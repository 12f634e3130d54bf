/** The filters of `jq` that see nothing but their input. */

/** Null when the filter sees its input alone; else what is wrong, to be said after it. */
export function jqTrouble(filter: string): string | null {
  if (/\$ENV\b|\$__|(^|[^.\w]|\.\.)\s*env\b/.test(filter))
    return 'reads the environment, which may hold credentials'
  if (/\b(import|include|modulemeta|get_search_list|input_filename)\b/.test(filter))
    return 'may reach other files'
  return null
}
