//! The program; see [`edgeinf`].

fn main() -> std::process::ExitCode {
    edgeinf::cli::run()
}
