/** Icons of a run's page. */
import { icon } from '#ui/icon.tsx'

export const ClockIcon = icon(<path d="M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3.2l2 1.3" />)
export const WrapIcon = icon(<path d="M2 4h12M2 8h9.5a2 2 0 0 1 0 4H8.5M10 10.5 8.5 12l1.5 1.5M2 12h3" />)
export const CopyIcon = icon(<path d="M5.5 5.5h8v8h-8zM3 10.5H2.5v-8h8V3" />)
export const DownloadIcon = icon(<path d="M8 2v8.5M4.5 7.5 8 11l3.5-3.5M3 14h10" />)
export const UpIcon = icon(<path d="m4 10 4-4 4 4" />)
export const DownIcon = icon(<path d="m4 6 4 4 4-4" />)
export const ChevronIcon = icon(<path d="m6 4 4 4-4 4" />)
export const CheckIcon = icon(<path d="m3 8.5 3.5 3.5L13 4.5" />)
export const CrossIcon = icon(<path d="m4.5 4.5 7 7M11.5 4.5l-7 7" />)
export const StopIcon = icon(<path d="M4.5 4.5h7v7h-7z" />)
export const LinkIcon = icon(
  <path d="M6.5 9.5 9.5 6.5M7 4.5 8.5 3A3.2 3.2 0 0 1 13 7.5L11.5 9M9 11.5 7.5 13A3.2 3.2 0 0 1 3 8.5L4.5 7" />,
)
export const SendIcon = icon(<path d="M8 13V3.5M4 7l4-4 4 4" />)
export const ThoughtIcon = icon(
  <path d="M8 2.5a4 4 0 0 0-2.3 7.3c.5.4.8.9.8 1.5h3c0-.6.3-1.1.8-1.5A4 4 0 0 0 8 2.5zM6.5 13.5h3" />,
)
export const ForkIcon = icon(<path d="M4 2.5v11M4 10c0-3 8-2.5 8-6M12 4V2.5M10 4.5l2-2 2 2" />)
