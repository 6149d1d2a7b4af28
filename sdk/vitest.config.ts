import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const react18 = (name: string) => fileURLToPath(new URL(`react18/node_modules/${name}`, import.meta.url));

export default defineConfig({
  test: {
    restoreMocks: true,
    unstubGlobals: true,
    projects: [
      { extends: true, test: { name: "units", include: ["*/test/**/*.test.{ts,tsx}"] } },
      {
        extends: true,
        resolve: { alias: { react: react18("react"), "react-dom": react18("react-dom") } },
        test: { name: "React 18", include: ["next/test/**/*.test.tsx"] },
      },
    ],
  },
});
