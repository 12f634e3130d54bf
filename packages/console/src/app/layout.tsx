/** What every page stands in: navigation at the side; on a phone, at the bottom. */
import { Link, Outlet } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { InboxIcon, ListIcon } from '#ui/icons.tsx'

export function Layout() {
  return (
    <div className="flex min-h-dvh flex-col sm:flex-row">
      <nav
        aria-label="Pages"
        className="order-last flex shrink-0 gap-1 border-line bg-bg p-2 max-sm:sticky max-sm:bottom-0 max-sm:border-t sm:order-first sm:sticky sm:top-0 sm:h-dvh sm:w-48 sm:flex-col sm:border-r"
      >
        <NavLink to="/" icon={<InboxIcon />}>
          Inbox
        </NavLink>
        <NavLink to="/runs" icon={<ListIcon />}>
          Runs
        </NavLink>
      </nav>
      <main className="min-w-0 flex-1">
        <Outlet />
      </main>
    </div>
  )
}

function NavLink({ to, icon, children }: { to: '/' | '/runs'; icon: ReactNode; children: ReactNode }) {
  return (
    <Link
      to={to}
      activeOptions={{ exact: true }}
      activeProps={{ className: 'bg-hover text-text', 'aria-current': 'page' }}
      className="flex items-center gap-2 rounded-md px-2 py-1.5 text-soft hover:bg-hover max-sm:flex-1 max-sm:justify-center"
    >
      {icon}
      {children}
    </Link>
  )
}
