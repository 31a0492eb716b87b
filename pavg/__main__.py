from pavg.cli import main

main()
