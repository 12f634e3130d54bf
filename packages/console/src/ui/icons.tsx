/** The few icons that several pages use. */
import { icon } from './icon.tsx'

export const InboxIcon = icon(<path d="M2 9.5 4 3h8l2 6.5V13H2zM2 9.5h3.5l1 1.5h3l1-1.5H14" />)
export const ListIcon = icon(<path d="M5.5 4H14M5.5 8H14M5.5 12H14M2.5 4h.01M2.5 8h.01M2.5 12h.01" />)
export const PlusIcon = icon(<path d="M8 3v10M3 8h10" />)
export const SearchIcon = icon(<path d="M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM14 14l-3.4-3.4" />)
export const CloseIcon = icon(<path d="m4 4 8 8M12 4l-8 8" />)
export const JobIcon = icon(<path d="m3 4.5 3.5 3.5L3 11.5M8.5 12H13" />)
export const SessionIcon = icon(<path d="M2.5 3h11v8h-6L4 13.5V11H2.5z" />)
export const ExecutionIcon = icon(<path d="M3 3.5h2.5v2.5H3zM3 10h2.5v2.5H3zM8 4.75h5M8 11.25h5" />)
export const ExternalIcon = icon(<path d="M9 3h4v4M13 3 7.5 8.5M11 9.5V13H3V5h3.5" />)
export const GearIcon = icon(
  <path d="M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM8 1.75v2M8 12.25v2M1.75 8h2M12.25 8h2M3.6 3.6 5 5M11 11l1.4 1.4M12.4 3.6 11 5M5 11l-1.4 1.4" />,
)
export const ChartIcon = icon(<path d="M2.5 13.5h11M4 11V8M8 11V3.5M12 11V6" />)
export const BranchIcon = icon(
  <path d="M4.5 5.5v5M4.5 5.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM4.5 13.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM11.5 6.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM11.5 6.5c0 2.5-7 1.5-7 4" />,
)
