/// <reference types="vite/client" />
import { MillraceProvider } from '@millrace/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import './style.css'

const root = document.getElementById('root')
if (root === null) throw new Error('The page has no place for the app')
createRoot(root).render(
  <StrictMode>
    <MillraceProvider>
      <App />
    </MillraceProvider>
  </StrictMode>,
)
